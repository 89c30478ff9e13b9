"""The conversation on a terminal: a prompt with history, many lines and completion, answers painted as they come.

Ctrl-C stops the answer and keeps what came of it; at the prompt it drops the line; Ctrl-D or /quit ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import HTML, AnyFormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich.text import Text

from dragoman.cli.answer import Told, paint, write
from dragoman.cli.commands import COMMANDS, Commands, Next
from dragoman.cli.conversation import Conversation
from dragoman.cli.screen import console, say, show_error, show_warning
from dragoman.cli.standing import standings
from dragoman.core.errors import DragomanError

if TYPE_CHECKING:
    from dragoman.client import Client
    from dragoman.prompts import Options
    from dragoman.settings import Surroundings


def converse(
    client: Client, conversation: Conversation, options: Options, around: Surroundings, *, plain: bool, secret: str | None = None
) -> None:
    """Converse until the user ends it. ``secret`` is a key that was given by hand; it is never shown."""
    _Talk(client, conversation, options, around, plain, [secret] if secret else []).run()


class _Talk:
    """One conversation on a terminal."""

    def __init__(
        self, client: Client, conversation: Conversation, options: Options, around: Surroundings, plain: bool, secrets: list[str]
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._options = options
        self._secrets = secrets
        self._out = console()
        self._plain = plain or self._out.is_dumb_terminal
        self._commands = Commands(conversation, around, self._say)
        self._session: PromptSession[str] = PromptSession(
            history=history(state_folder(around)),
            multiline=True,
            key_bindings=key_bindings(),
            completer=SlashCompleter(around),
            complete_while_typing=False,
            prompt_continuation="… ",
            bottom_toolbar=self._toolbar,
            enable_open_in_editor=False,
        )

    def run(self) -> None:
        self._out.print(Text.assemble(("dragoman", "bold"), (f"  {self._conversation.model}   /help lists the commands", "dim")))
        while True:
            try:
                text = self._session.prompt("\n› ")
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            following = self._follow(text)
            if following.is_end:
                return
            if following.question is not None:
                with suppress(KeyboardInterrupt):  # pressed again while the answer was being put away
                    self._ask(following.question)

    def _follow(self, text: str) -> Next:
        if not text.strip():
            return Next()
        if not text.lstrip().startswith("/"):
            return Next(text)
        try:
            return self._commands.run(text)
        except DragomanError as error:
            show_error(error, self._secrets)
            return Next()

    def _ask(self, question: str) -> None:
        conversation = self._conversation
        options: Options = {**self._options, "system": conversation.system} if conversation.system else self._options
        try:
            stream = self._client.stream(conversation.model, conversation.ask(question), **options)
        except DragomanError as error:
            show_error(error, self._secrets)
            return
        self._out.print()
        told = write(stream, conversation.model, sys.stdout) if self._plain else paint(stream, conversation.model, self._out)
        conversation.answered(told.response, is_partial=not told.is_whole)
        self._tell(told)

    def _tell(self, told: Told) -> None:
        for warning in told.response.warnings:
            show_warning(warning)
        if told.error is not None:
            show_error(told.error, self._secrets)

    def _say(self, text: str) -> None:
        say(self._out, Text(text, "dim"))

    def _toolbar(self) -> AnyFormattedText:
        return HTML("<b>{}</b>  Enter sends · Alt-Enter new line · Ctrl-D ends").format(self._conversation.model)


def key_bindings() -> KeyBindings:
    """Enter sends, and with Alt or Esc begins a line. A paste keeps its lines: it does not come as keys."""
    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


class SlashCompleter(Completer):
    """Commands, and behind ``/model`` the models that can be asked."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._models: list[str] | None = None

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/"):
            return
        name, blank, rest = text.partition(" ")
        if not blank:
            for command, told in COMMANDS.items():
                if command.startswith(name):
                    yield Completion(command, -len(name), display_meta=told.help)
        elif name == "/model":
            for model in self._known_models():
                if rest in model:
                    yield Completion(model, -len(rest))

    def _known_models(self) -> list[str]:
        """Those of providers that are set up first."""
        if self._models is None:
            ranked = sorted(standings(self._around), key=lambda one: (not one.is_configured, one.is_gone))
            self._models = [f"{one.name}/{model.name}" for one in ranked for model in one.row.models]
        return self._models


def state_folder(around: Surroundings) -> Path:
    """Where what was typed is remembered."""
    told = around.environment.get("XDG_STATE_HOME")
    return (Path(told) if told else Path.home() / ".local" / "state") / "dragoman"


def history(folder: Path) -> History:
    """What was typed before, in a file that only its owner reads; in memory alone where it cannot be written."""
    path = folder / "history"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.open("a").close()
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
