"""The commands of a conversation: what ``/model`` and the others do. No terminal in it; what is to be said goes through ``say``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.catalogue.load import nearest
from dragoman.cli.choice import complete_name
from dragoman.cli.conversation import Conversation
from dragoman.core.errors import UsageError
from dragoman.settings import Surroundings


class Next(NamedTuple):
    """What follows a command: a question to be asked, or the end, or neither."""

    question: str | None = None
    is_end: bool = False


class _Command(NamedTuple):
    usage: str
    help: str


COMMANDS: Final[dict[str, _Command]] = {
    "/help": _Command("/help", "this list"),
    "/model": _Command("/model [PROVIDER/MODEL]", "ask another model, or show which is asked"),
    "/system": _Command("/system [TEXT | -]", "set the instructions, show them, or with - drop them"),
    "/retry": _Command("/retry", "ask the last question again"),
    "/new": _Command("/new", "forget what was said"),
    "/save": _Command("/save [--force] [FILE]", "write the conversation, .md for people or .json to be loaded"),
    "/load": _Command("/load FILE.json", "go on with a saved conversation"),
    "/quit": _Command("/quit", "end, as Ctrl-D does"),
}
KEYS: Final = (
    ("Enter", "sends"),
    ("Alt-Enter", "new line (also Esc, Enter)"),
    ("Ctrl-C", "stops the answer; at the prompt, drops the line"),
    ("Ctrl-D", "ends"),
)


class Commands:
    """Runs the commands on one conversation."""

    def __init__(self, conversation: Conversation, surroundings: Surroundings, say: Callable[[str], None]) -> None:
        self._conversation = conversation
        self._surroundings = surroundings
        self._say = say
        self._table: dict[str, Callable[[str], Next]] = {
            "/help": self._help,
            "/model": self._model,
            "/system": self._system,
            "/retry": self._retry,
            "/new": self._new,
            "/save": self._save,
            "/load": self._load,
            "/quit": self._quit,
            "/exit": self._quit,
        }

    def run(self, text: str) -> Next:
        """Do what ``text``, which begins with a slash, says. Raises ``UsageError``."""
        name, _, rest = text.strip().partition(" ")
        command = self._table.get(name.lower())
        if command is None:
            raise UsageError(f"{name}: no such command; {nearest(name.lower(), list(COMMANDS))}")
        return command(rest.strip())

    def _help(self, rest: str) -> Next:
        wide = max(len(command.usage) for command in COMMANDS.values())
        for command in COMMANDS.values():
            self._say(f"{command.usage:<{wide}}  {command.help}")
        for key, meaning in KEYS:
            self._say(f"{key:<{wide}}  {meaning}")
        return Next()

    def _model(self, rest: str) -> Next:
        if rest:
            self._conversation.model = complete_name(rest, self._surroundings)
        self._say(f"model: {self._conversation.model}")
        return Next()

    def _system(self, rest: str) -> Next:
        if rest:
            self._conversation.system = None if rest == "-" else rest
        self._say(f"system: {self._conversation.system or 'none'}")
        return Next()

    def _retry(self, rest: str) -> Next:
        question = self._conversation.retry()
        if question is None:
            raise UsageError("/retry: nothing was asked yet")
        return Next(question)

    def _new(self, rest: str) -> Next:
        self._conversation.clear()
        self._say("a new conversation")
        return Next()

    def _save(self, rest: str) -> Next:
        words = _words(rest)
        overwrite = "--force" in words
        names = [word for word in words if word != "--force"]
        if len(names) > 1:
            raise UsageError(f"/save: {rest!r} was given; one file is expected, in quotes where its name has blanks")
        if not self._conversation.turns:
            raise UsageError("/save: nothing was said yet")
        path = Path(names[0]).expanduser() if names else Path(f"dragoman-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.md")
        self._conversation.save(path, overwrite=overwrite)
        self._say(f"saved: {path}")
        return Next()

    def _load(self, rest: str) -> Next:
        words = _words(rest)
        if len(words) != 1:
            raise UsageError("/load: one file is expected, in quotes where its name has blanks")
        self._conversation.load(Path(words[0]).expanduser())
        self._say(f"loaded: {len(self._conversation.turns)} turns with {self._conversation.model}")
        return Next()

    def _quit(self, rest: str) -> Next:
        return Next(is_end=True)


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError:
        raise UsageError(f"{rest!r} was given; a quotation mark in it is not closed") from None
