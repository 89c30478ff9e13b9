"""A world for flows without network, clock or chance: what is asked of it is written down, and its time passes only as the script says.

Whatever is delivered is held against the legal order of events, over all tries together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from dragoman.core.errors import DragomanError, TimedOut
from dragoman.core.events import Event, OrderCheck
from dragoman.core.exchange import Call, Decoder, Headers
from dragoman.core.fold import Response, fold
from dragoman.flow.attempt import Target
from dragoman.flow.effects import Chance, Close, Effect, Emit, Finish, Flow, Instant, Now, Open, Outcome, Read, Sleep
from dragoman.wire import openai_chat
from dragoman.wire.quirks import NONE, Quirks

EPOCH_S = 1_800_000_000.0
"""The time since 1970 at which every script begins."""
SECRET = "sk-very-secret"
CALL = Call("POST", "http://host/v1/chat/completions", (("content-type", "application/json"),), b"{}")
STREAM_HEADERS: Headers = (("content-type", "text/event-stream"),)

EffectT = TypeVar("EffectT", bound=Effect)


def text(*words: str) -> bytes:
    """One chunk of an OpenAI stream for each word."""
    return b"".join(b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % word.encode() for word in words)


ROLE = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
FINISHED = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"id":"c1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE_STREAM = text("a", "b") + FINISHED + DONE


@dataclass(frozen=True)
class Pause:
    """So long nothing comes."""

    seconds: float


@dataclass(frozen=True)
class Heard:
    """What answers a call: its head after ``after_s``, then its pieces, then the clean end of the body."""

    pieces: tuple[bytes | DragomanError | Pause, ...] = (WHOLE_STREAM,)
    status: int = 200
    headers: Headers = STREAM_HEADERS
    after_s: float = 0.0


@dataclass
class World:
    """Performs the effects of one flow. ``answers`` are given in order, one for each ``Open``."""

    answers: list[Heard | DragomanError]
    fraction: float = 0.5
    clock_s: float = 100.0
    effects: list[Effect] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _pieces: list[bytes | DragomanError | Pause] = field(default_factory=list)
    _order: OrderCheck = field(default_factory=OrderCheck)

    def run(self, flow: Flow[None]) -> World:
        """Perform everything; raises what the flow raises."""
        outcome: Outcome = None
        failure: DragomanError | None = None
        while True:
            try:
                effect = flow.throw(failure) if failure else flow.send(outcome)
            except StopIteration:
                return self
            outcome, failure = None, None
            self.effects.append(effect)
            try:
                outcome = self._perform(effect)
            except DragomanError as error:
                failure = error

    def fails(self, flow: Flow[None]) -> DragomanError:
        """The error in which the flow ends."""
        try:
            self.run(flow)
        except DragomanError as error:
            return error
        raise AssertionError(f"the flow ended well: {self.response.text!r}")

    def _perform(self, effect: Effect) -> Outcome:
        match effect:
            case Open():
                return self._open()
            case Read():
                return self._read(effect.timeout_s)
            case Emit():
                assert effect.events, "nothing is delivered"
                for event in effect.events:
                    self._order.check(event)
                    self.events.append(event)
            case Sleep():
                self.clock_s += effect.seconds
            case Now():
                return Instant(self.clock_s, EPOCH_S + self.clock_s - 100.0)
            case Chance():
                return self.fraction
            case Finish() | Close():
                pass
        return None

    def _open(self) -> Heard:
        answer = self.answers.pop(0)
        if isinstance(answer, DragomanError):
            raise answer
        self.clock_s += answer.after_s
        self._pieces = list(answer.pieces)
        return answer

    def _read(self, timeout_s: float | None) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if isinstance(piece, Pause):
            if timeout_s is not None and timeout_s < piece.seconds:
                self.clock_s += timeout_s
                raise TimedOut("no bytes within the time of this read")
            self.clock_s += piece.seconds
            return self._read(timeout_s)
        if isinstance(piece, DragomanError):
            raise piece
        return piece

    def asked(self, kind: type[EffectT]) -> list[EffectT]:
        """Every effect of one kind, in order."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def kinds(self) -> list[str]:
        """The names of the effects, in order."""
        return [type(effect).__name__ for effect in self.effects]

    @property
    def slept(self) -> list[float]:
        return [effect.seconds for effect in self.asked(Sleep)]

    @property
    def response(self) -> Response:
        return fold(self.events)


def world(*answers: Heard | DragomanError, fraction: float = 0.5) -> World:
    return World(list(answers), fraction)


def target(quirks: Quirks = NONE, call: Call = CALL, decoder: Callable[[Headers], Decoder] | None = None) -> Target:
    """OpenAI's wire at a provider called ``here``."""
    return Target(
        "here",
        "m",
        call,
        decoder or (lambda headers: openai_chat.decoder(True, quirks)),
        lambda reply: openai_chat.decode_error(reply, quirks),
        lambda error: error.redact(SECRET),
    )
