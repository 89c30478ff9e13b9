"""What is known of one request: the one place that metrics, the log, traces and answer headers read.

Times are seconds on the clock that never jumps, ``None`` until they are known.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call
from dragoman.core.messages import Message
from dragoman.core.usage import Usage


class Record:
    """One request under way. No key is in it, and nothing of what was said unless ``keeps_content``."""

    __slots__ = (
        "answer_id",
        "answer_model",
        "asked_messages",
        "attempts",
        "begun_s",
        "cost",
        "does",
        "ended_s",
        "error",
        "events",
        "face",
        "finish_reasons",
        "first_token_s",
        "holds_stream",
        "id",
        "keeps_content",
        "key_name",
        "method",
        "model",
        "overhead_s",
        "passed_through",
        "path",
        "prices",
        "provider",
        "service_tier",
        "status",
        "streamed",
        "target_model",
        "trace",
        "usage",
        "warnings",
    )

    def __init__(self, id: str, method: str, path: str, begun_s: float) -> None:
        self.id = id
        self.method = method
        self.path = path
        self.begun_s = begun_s
        self.face = ""
        self.does = ""
        self.key_name: str | None = None
        self.model: str | None = None
        """As the caller named it."""
        self.provider: str | None = None
        self.target_model: str | None = None
        """The provider's own name of the model that answered, or was tried last."""
        self.prices: str | None = None
        """The price list of the provider's row."""
        self.service_tier: str | None = None
        """In which the provider says that it served the answer."""
        self.attempts = 0
        self.passed_through = False
        self.streamed = False
        self.holds_stream = False
        """Whether it is counted among the streams that are under way."""
        self.answer_id: str | None = None
        self.answer_model: str | None = None
        """What the provider calls its answer, and the model that gave it."""
        self.finish_reasons: tuple[str, ...] = ()
        self.keeps_content = False
        self.asked_messages: tuple[Message, ...] | None = None
        self.events: list[Event] = []
        self.trace: object = None
        """An observer's own."""
        self.status = 0
        self.error: DragomanError | None = None
        self.usage: Usage | None = None
        self.cost: Decimal | None = None
        self.overhead_s: float | None = None
        """What the gateway itself took until the answer's head left."""
        self.first_token_s: float | None = None
        self.ended_s: float | None = None
        self.warnings: tuple[str, ...] = ()

    @property
    def target(self) -> str | None:
        """``provider/model``."""
        return None if self.provider is None else f"{self.provider}/{self.target_model}"


class Observer(Protocol):
    """Is told of every request. Must be quick, and raises nothing."""

    def began(self, record: Record, call: Call) -> None:
        """A request has arrived whole."""

    def answering(self, record: Record) -> None:
        """A prompt's answer has begun, and its head is about to leave."""

    def ended(self, record: Record) -> None:
        """Its answer has ended, or its caller has left."""
