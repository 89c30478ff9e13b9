"""One try at one target: send, read, decode, deliver.

The law: an answer with a failing status is the error that it tells; an answer that began with success ends with ``Finished`` or with an
error, never with silence; what was decoded before an error is delivered before it is raised.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dragoman.core.errors import DragomanError, StreamCut, TimedOut
from dragoman.core.events import Event, Started
from dragoman.core.exchange import Call, Decoder, Headers, Reply, Timeouts, header
from dragoman.flow.effects import Close, Emit, Finish, Flow, Opened, Read, now, opened, read
from dragoman.flow.retry_after import retry_after_s
from dragoman.flow.tokens import Signer, open_signed

MAX_ERROR_BYTES = 1024 * 1024
TAIL_S = 2.0
"""How long to wait for usage and end marker once the content is complete; some hosts never send them and never hang up."""
ERROR_BODY_S = 2.0
"""How long to wait for the words of a failing answer; its status is known before them."""

_READ = Read()
_REQUEST_ID_FIELDS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


ReadWhole = Callable[[bytes], list[Event]]
"""Raises the error that the answer tells, or ``BadReply``."""


class Target(msgspec.Struct, frozen=True):
    """Where a try goes, and how what comes back is understood."""

    provider: str
    model: str
    call: Call
    decoder: Callable[[Headers], Decoder]
    """The decoder for an answer with this head. Raises ``BadReply`` where its content type cannot be an answer."""
    decode_error: Callable[[Reply], DragomanError]
    redact: Callable[[DragomanError], None]
    """Takes the key out of an error's texts; services repeat it in theirs, also inside an answer that began as a success."""
    signer: Signer | None = None
    """Signs the call at each try; ``None`` where it goes out as it is."""
    read_whole: ReadWhole | None = None
    """All events of an answer's body, for who has it at hand; ``None`` where it is no prompt's."""


class Progress:
    """What a try has delivered, for the policy above it; ``target`` is what a next try would ask, until something is delivered.

    Nobody else holds on to it meanwhile: a prompt may be long, and its answer slow.
    """

    __slots__ = ("delivered", "target")

    def __init__(self) -> None:
        self.delivered = False
        self.target: Target | None = None


def attempt(target: Target, timeouts: Timeouts, progress: Progress) -> Flow[None]:
    """Deliver the answer of ``target``. Raises any ``DragomanError``, with the target's facts on it."""
    headers: Headers = ()
    provider, model, redact = target.provider, target.model, target.redact
    try:
        call, signer = target.call, target.signer
        incoming = yield from (opened(call, timeouts) if signer is None else open_signed(call, signer, timeouts))
        headers = incoming.headers
        if not 200 <= incoming.status < 300:
            reply = yield from _read_error(incoming)
            raise target.decode_error(reply)
        delivery = _deliver(target.decoder, call.warnings, incoming, timeouts, progress)
        del target, call, signer
        yield from delivery
    except DragomanError as error:
        redact(error)
        yield Close()
        error.provider, error.model = error.provider or provider, error.model or model
        yield from _complete(error, headers)
        raise


def _read_error(incoming: Opened) -> Flow[Reply]:
    """The whole failing answer, as far as it can be had in a short time."""
    pieces: list[bytes] = []
    size = 0
    begun_s = (yield from now()).monotonic_s
    left_s = ERROR_BODY_S
    try:
        while data := (yield from read(left_s)):
            pieces.append(data)
            size += len(data)
            left_s = begun_s + ERROR_BODY_S - (yield from now()).monotonic_s
            if size > MAX_ERROR_BYTES or left_s <= 0:
                break
        else:
            yield Finish()
    except DragomanError:
        pass  # a failing answer that is cut short still tells its status
    return Reply(incoming.status, incoming.headers, b"".join(pieces))


def _deliver(
    decode: Callable[[Headers], Decoder], warnings: tuple[str, ...], incoming: Opened, timeouts: Timeouts, progress: Progress
) -> Flow[None]:
    decoder = decode(incoming.headers)
    held: list[Event] = []
    idle_since_s: float | None = None
    while not decoder.done:
        broken: StreamCut | None = None
        data: bytes
        try:
            if idle_since_s is None and not decoder.ending:
                data = yield _READ  # type: ignore[assignment]  # as in ``effects.read``, without a generator for each piece of a stream
            else:
                data = yield from _next_bytes(decoder, _awaited(timeouts, progress), idle_since_s)
        except StreamCut as cut:
            if not progress.delivered:
                raise
            data, broken = b"", cut  # an end marker may stand in what came before the connection broke
        events = decoder.feed(data) if data else decoder.close()
        if not decoder.idle:
            idle_since_s = None if events else idle_since_s
        elif idle_since_s is None:
            idle_since_s = (yield from now()).monotonic_s
        events, held = held + events if held else events, []
        if not progress.delivered and len(events) == 1 and isinstance(events[0], Started):
            held = events  # were it delivered, a second try would start the answer a second time
        elif events:
            progress.delivered, progress.target = True, None
            yield Emit(with_warnings(events, warnings))
        if decoder.error:
            raise broken or decoder.error
        if not data:
            break
    if held:
        yield Emit(with_warnings(held, warnings))
    yield Finish()


class _Awaited(msgspec.Struct, frozen=True):
    """How long heartbeats may stand in for content, and the name of that bound."""

    bound_s: float | None
    name: str


def _awaited(timeouts: Timeouts, progress: Progress) -> _Awaited:
    """Before its first word a model may think for minutes while its host sends comments; then a silence is no longer than any other."""
    if progress.delivered:
        return _Awaited(timeouts.between_bytes_s, "between_bytes_s")
    return _Awaited(timeouts.first_byte_s, "first_byte_s")


def _next_bytes(decoder: Decoder, awaited: _Awaited, idle_since_s: float | None) -> Flow[bytes]:
    """The next bytes, or none where only a tail is missing and does not come: whether the answer is whole without it, the decoder says."""
    if decoder.ending:
        try:
            return (yield from read(TAIL_S))
        except (TimedOut, StreamCut):
            yield Close()
            return b""
    if not decoder.idle or idle_since_s is None or awaited.bound_s is None:
        return (yield from read())
    return (yield from _next_content(awaited.bound_s, awaited.name, idle_since_s))


def _next_content(bound_s: float, name: str, idle_since_s: float) -> Flow[bytes]:
    """The next bytes, within what the bytes without content have left of the bound."""
    left_s = idle_since_s + bound_s - (yield from now()).monotonic_s
    if left_s > 0:
        try:
            return (yield from read(left_s))
        except TimedOut:
            if (yield from now()).monotonic_s < idle_since_s + bound_s:
                raise  # a bound of the transport's own
    raise TimedOut(f"no content within {bound_s:g} s, only comments, blank or meaningless lines ({name})")


def with_warnings(events: list[Event], warnings: tuple[str, ...]) -> list[Event]:
    """``Started`` says what the request could not carry."""
    if not warnings:
        return events
    return [msgspec.structs.replace(event, warnings=warnings + event.warnings) if isinstance(event, Started) else event for event in events]


def _complete(error: DragomanError, headers: Headers) -> Flow[None]:
    """Put the facts on ``error`` that only the answer's head knows."""
    if error.request_id is None:
        error.request_id = next(filter(None, (header(headers, name) for name in _REQUEST_ID_FIELDS)), None)
    if error.retry_after_s is None and headers:
        instant = yield from now()
        error.retry_after_s = retry_after_s(headers, instant.epoch_s)
