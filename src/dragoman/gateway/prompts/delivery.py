"""An answer on its way to the caller: events encoded in the caller's dialect, or the upstream's own frames.

Law: what fails before the first content is raised, so that it becomes an answer with a failing status; what fails later is told in the
stream, in the caller's dialect, and never looks like an end. However it ends, it is settled once and its upstream closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import msgspec

from dragoman.core.errors import Cancelled, DragomanError, ServerFault
from dragoman.core.events import Event, Finished, Started
from dragoman.core.exchange import Call, Encoder, Timeouts
from dragoman.core.request import Request
from dragoman.gateway.faces import PROMPTS
from dragoman.gateway.failures import shown
from dragoman.gateway.handles import Given, given_in
from dragoman.gateway.prompts.asking import Asking
from dragoman.gateway.prompts.bodies import with_name_asked
from dragoman.gateway.prompts.continuing import without_keeping
from dragoman.gateway.telemetry.records import Record
from dragoman.gateway.uncounted import uncounted
from dragoman.response import tier_in
from dragoman.server.answer import BrokenOff
from dragoman.transport.seam import AsyncIncoming, AsyncTransport, Hold

_NAMED_AS_ASKED: Final = "anthropic_messages"
"""The dialect whose answers call a model as the caller did, where the gateway changed its name: Claude Code gives thinking back only to the
model that it believes to have had it from, and Anthropic refuses a loop of tools without it."""


class Counted:
    """A transport that counts the calls of one request."""

    __slots__ = ("_record", "_transport")

    def __init__(self, transport: AsyncTransport, record: Record) -> None:
        self._transport = transport
        self._record = record

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncIncoming:
        self._record.attempts += 1
        return await self._transport.open(call, timeouts, hold)

    async def close(self) -> None:
        """It is the gateway's, and stays open."""


class Batches(Protocol):
    """Events as they come: of a flow (``AsyncDriver``) or of what stands in for one."""

    @property
    def ended(self) -> bool:
        """Whether there are no more."""

    def batch(self) -> Coroutine[Any, Any, list[Event]]:
        """The next events; none when the answer has ended. Raises any ``DragomanError``."""

    def close(self) -> None:
        """Stop at once. May be called again."""


class _Carrier(Protocol):
    """Events to the bytes that the caller gets."""

    content_type: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the answer the caller's dialect could not say; known at the end."""

    def carry(self, events: Sequence[Event]) -> bytes: ...

    def fail(self, error: DragomanError) -> bytes | None:
        """The failure; ``None`` where it cannot be told behind what has left."""

    def end(self) -> bytes: ...


class _Passed:
    """The upstream's frames as they are."""

    def __init__(self, asking: Asking) -> None:
        assert asking.tap
        self._tap = asking.tap
        self._asking = asking
        self.content_type = asking.tap.content_type

    def carry(self, events: Sequence[Event]) -> bytes:
        return self._tap.take()

    def fail(self, error: DragomanError) -> bytes | None:
        if not self._tap.framed:
            return None
        face = self._asking.face
        stand_in = Request(
            model=self._asking.asked.model or "", messages=(), stream=True
        )  # the caller's own may be one that we cannot read
        return self._tap.take() + face.speaks.encoder(stand_in, face.quirks).fail(error)

    @property
    def warnings(self) -> tuple[str, ...]:
        return ()

    def end(self) -> bytes:
        return self._tap.take()


class _Encoded:
    """Events in the caller's dialect."""

    def __init__(self, encoder: Encoder, record: Record, keep: Callable[[Sequence[Event]], None] | None) -> None:
        self._encoder = encoder
        self._record = record
        self._begun = False
        self._unsent = b""
        """What of a batch was encoded before its next event was refused."""
        self._keep = keep
        self._kept: list[Event] = []
        self.content_type = encoder.content_type

    def carry(self, events: Sequence[Event]) -> bytes:
        send = self._encoder.send
        if not self._begun:
            self._begun = True
            events = [_complete(event, self._record, self._keep is not None) if isinstance(event, Started) else event for event in events]
        if self._keep is not None:
            self._kept += events
        if len(events) == 1:
            return send(events[0])
        pieces: list[bytes] = []
        try:
            pieces.extend(map(send, events))  # what was sent before a refusal stays in the list
        except DragomanError:
            self._unsent = b"".join(pieces)
            raise
        return b"".join(pieces)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(getattr(self._encoder, "warnings", ()))

    def fail(self, error: DragomanError) -> bytes | None:
        unsent, self._unsent = self._unsent, b""
        return unsent + self._encoder.fail(error)

    def end(self) -> bytes:
        if self._keep is not None:
            self._keep(self._kept)
        return self._encoder.close()


def _complete(event: Started, record: Record, renamed: bool) -> Started:
    """With what callers' dialects require and this upstream did not tell; ``renamed`` where its name for the answer may not be unique."""
    return msgspec.structs.replace(
        event,
        id=record.id.removeprefix("req_") if renamed else event.id or record.id,
        extra=without_keeping(event.extra) if renamed else event.extra,
        model=event.model or record.target_model,
        created_s=int(time.time()) if event.created_s is None else event.created_s,
    )


def _notice_end(record: Record, event: Finished) -> None:
    record.finish_reasons = (*record.finish_reasons, event.reason.unified)
    if event.extra:
        record.service_tier = tier_in(event.extra) or record.service_tier
    if event.usage is not None:
        record.usage = event.usage


def _is_complete(record: Record) -> bool:
    """Whether the answer has been told to its end: some callers leave with its last event and do not wait for the body's."""
    return bool(record.finish_reasons) and record.usage is not None


class Delivery:
    """Carries the events of one prompt; as ``Pieces`` it is the body of a streamed answer."""

    __slots__ = ("_asking", "_carrier", "_driver", "_first", "_given", "_over", "_settle")

    def __init__(self, asking: Asking, driver: Batches, settle: Callable[[Record], None], given: Given | None = None) -> None:
        self._asking = asking
        self._given = given
        self._driver = driver
        self._settle = settle
        self._carrier: _Carrier
        self._first = b""
        self._over = False

    async def begin(self) -> tuple[str, bytes | None]:
        """The content type and, unless it is streamed, the whole body. Raises any ``DragomanError``."""
        asking = self._asking
        events = await self._driver.batch()
        self._notice(events)
        asking.record.first_token_s = time.monotonic()
        if asking.record.keeps_content:
            asking.record.asked_messages = asking.request.messages
        if asking.tap is not None and self._driver.ended:  # whole, and it passes on
            self._over = True
            return asking.tap.content_type, self._named(asking.tap.take())
        carrier = self._carrier = _Passed(asking) if asking.tap else _Encoded(asking.encoder(), asking.record, asking.kept_by())
        if asking.record.streamed:
            self._first = self._named(carrier.carry(events))
            asking.forget()
            return carrier.content_type, None
        pieces = [carrier.carry(events)]
        while not self._driver.ended and (events := await self._driver.batch()):
            self._notice(events)
            pieces.append(carrier.carry(events))
        pieces.append(carrier.end())
        asking.record.warnings += carrier.warnings
        if asking.tap is None:
            asking.record.warnings += uncounted(asking.face.dialect, PROMPTS, asking.record.usage)
        self._over = True
        return carrier.content_type, self._named(b"".join(pieces))

    def _named(self, answer: bytes) -> bytes:
        """What begins with the model's name, called as the caller's dialect wants it."""
        record = self._asking.record
        if self._asking.face.dialect != _NAMED_AS_ASKED or record.model in (None, record.target_model):
            return answer
        return with_name_asked(answer, record.answer_model or record.target_model or "", record.model)

    async def next(self) -> bytes:
        """See ``Pieces.next``."""
        if self._first:
            first, self._first = self._first, b""
            return first
        if self._over:
            return b""
        try:
            while events := await self._driver.batch():
                self._notice(events)
                data = self._carrier.carry(events)
                if data:
                    return data
            return self._end()
        except DragomanError as error:
            return self._told(error)
        except Exception as fault:  # noqa: BLE001  # a fault of a dialect is told, not left to end as if all were well
            return self._told(ServerFault(f"the gateway failed: {type(fault).__name__}", status=500))

    def _end(self) -> bytes:
        """The last bytes; the request is settled before they leave, so that a caller who has its answer finds it counted."""
        last = self._carrier.end()
        self._over = True
        self._settle(self._asking.record)
        return last

    def _told(self, error: DragomanError) -> bytes:
        self._over = True
        record = self._asking.record
        record.error = error
        told = self._carrier.fail(shown(error))
        if not told:
            raise BrokenOff
        return told

    def _notice(self, events: Sequence[Event]) -> None:
        record = self._asking.record
        for event in events:
            if type(event) is Finished:
                _notice_end(record, event)
            elif type(event) is Started:
                record.answer_id, record.answer_model = event.id, event.model
                record.service_tier = tier_in(event.extra) if event.extra else None
                record.warnings += event.warnings
        if record.keeps_content:
            record.events += events
        if self._given is not None and record.key_name is not None:
            for id in given_in(events, record.face):
                self._given.claim(record.key_name, id)

    def abandon(self) -> None:
        """The upstream is let go; who began the request settles it."""
        self._driver.close()

    def close(self) -> None:
        """The upstream is let go, and the request settled: whole, failed, or left by its caller."""
        self._driver.close()
        record = self._asking.record
        if not self._over and record.error is None and not _is_complete(record):
            record.error = Cancelled("the caller left before the answer's end")
        self._settle(record)
