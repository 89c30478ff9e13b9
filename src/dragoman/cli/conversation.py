"""A conversation without a terminal: what was said, what is to be sent next, and its forms in a file.

The law: a question stands in the conversation only together with an answer, whole or partial, so that turns always alternate. A question
that nothing came back to is remembered for ``retry`` and not sent again by itself.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.fold import Response
from dragoman.core.messages import AnyPart, Message, Refusal, Text


class Turn(msgspec.Struct, frozen=True):
    """A question and what came back."""

    question: Message
    answer: Message
    model: str
    is_partial: bool = False


class Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A conversation as its JSON file holds it."""

    model: str
    system: str | None = None
    turns: tuple[Turn, ...] = ()


class Conversation:
    """The turns so far, the model that is asked next, and its instructions."""

    def __init__(self, model: str, system: str | None = None, turns: tuple[Turn, ...] = ()) -> None:
        self.model = model
        self.system = system
        self.turns = list(turns)
        self._asked: Message | None = None

    def ask(self, text: str) -> list[Message]:
        """The messages to send for the question ``text``."""
        self._asked = Message("user", (Text(text=text),))
        return [*self.messages, self._asked]

    @property
    def messages(self) -> list[Message]:
        """All that was said."""
        return [message for turn in self.turns for message in (turn.question, turn.answer)]

    def answered(self, response: Response | None, *, is_partial: bool = False) -> None:
        """Take in what came back to the last question. Of a partial answer its words are kept, and nothing where there are none."""
        if response is None or self._asked is None:
            return
        parts: tuple[AnyPart, ...] = response.parts
        if is_partial:
            parts = tuple(part for part in parts if isinstance(part, (Text, Refusal)) and part.text)
        if parts:
            self.turns.append(Turn(self._asked, Message("assistant", parts), self.model, is_partial))

    def retry(self) -> str | None:
        """The last question, to be asked again; its answer is forgotten. ``None`` where nothing was asked."""
        if self._asked is None and self.turns:
            self._asked = self.turns[-1].question
        if self._asked is None:
            return None
        if self.turns and self.turns[-1].question is self._asked:
            self.turns.pop()
        return self._asked.text

    def clear(self) -> None:
        """Forget all that was said; model and instructions stay."""
        self.turns.clear()
        self._asked = None

    # --- files

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write Markdown, or JSON where the name ends in ``.json``. Raises ``UsageError``."""
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists already; /save --force {path} replaces it")
        text = self.to_json() if path.suffix.lower() == ".json" else self.to_markdown()
        try:
            path.write_text(text, encoding="utf-8", errors="replace")
        except OSError as fault:
            raise UsageError(f"{path}: cannot be written: {fault.strerror}") from None

    def load(self, path: Path) -> None:
        """Go on with the conversation of a JSON file. Raises ``UsageError``."""
        try:
            saved = msgspec.json.decode(path.read_bytes(), type=Saved)
        except OSError as fault:
            raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise UsageError(f"{path}: no conversation; a file that /save wrote with a name ending in .json is expected") from None
        self.model, self.system, self.turns, self._asked = saved.model, saved.system, list(saved.turns), None

    def to_json(self) -> str:
        """The whole conversation, to be loaded again."""
        saved = Saved(self.model, self.system, tuple(self.turns))
        return msgspec.json.format(msgspec.json.encode(saved), indent=2).decode() + "\n"

    def to_markdown(self) -> str:
        """The conversation for people."""
        blocks = [f"# Conversation with {self.model}"]
        if self.system:
            blocks += ["## System", self.system]
        for turn in self.turns:
            blocks += ["## You", turn.question.text, f"## {turn.model}", _words(turn.answer)]
            if turn.is_partial:
                blocks.append("*(the answer was stopped here)*")
        return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _words(message: Message) -> str:
    return "\n\n".join(part.text for part in message.parts if isinstance(part, (Text, Refusal)))
