"""The gateway itself: a call in, an answer out, whatever server is under it.

A call finds its face, its key is looked at, and the face's kind of work is done. Whatever fails is told in the caller's dialect. One record
goes with the call from its arrival until its answer has ended, and observers are told of it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl

import msgspec

from dragoman.core.errors import AuthFailed, BadRequest, Cancelled, DragomanError, Overloaded, ServerFault
from dragoman.core.exchange import Call, Headers, header
from dragoman.gateway.client_keys import ClientKeys
from dragoman.gateway.faces import KEPT, PROMPTS, Face, Faces, face_of, own_call, with_whole_model
from dragoman.gateway.failures import shown
from dragoman.gateway.handles import check_handles
from dragoman.gateway.listings import TOLD
from dragoman.gateway.methods import not_allowed, nothing_at, wanted
from dragoman.gateway.methods import told as told_methods
from dragoman.gateway.operating import meant, operate
from dragoman.gateway.origins import allowance, check_local, preflight
from dragoman.gateway.pages import Page
from dragoman.gateway.permits import check_further, find_route
from dragoman.gateway.prompts.asking import Asking
from dragoman.gateway.prompts.continuing import Turn
from dragoman.gateway.prompts.continuing import show as show_kept
from dragoman.gateway.prompts.delivery import Delivery
from dragoman.gateway.prompts.heartbeats import beat_of
from dragoman.gateway.prompts.kept_responses import KeptResponses
from dragoman.gateway.prompts.straight import driver_of
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.records import Observer, Record
from dragoman.gateway.waits import asked_waits
from dragoman.response import cost_of
from dragoman.server.answer import Answer
from dragoman.transport.seam import AsyncTransport

KEY_FIELDS: Final = ("x-api-key", "api-key", "x-goog-api-key")
PLACES: Final = f"Authorization: Bearer, {', '.join(KEY_FIELDS)} or ?key="
WARNED_LENGTH: Final = 4096
"""Letters of warnings in a head: node's clients refuse one of more than 16 KB."""
_REQUEST_ID: Final = {"anthropic_messages": "request-id", "bedrock_converse": "x-amzn-requestid"}
"""Where a face's own SDK looks for the request's id, if not in ``x-request-id``."""
_STREAM_HEADERS: Final = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))


class Gateway:
    """``Handler`` of every face. ``setup`` may be put in another's place at any time; a call keeps the one with which it began."""

    def __init__(
        self,
        setup: Setup,
        transport: AsyncTransport,
        observers: Sequence[Observer] = (),
        pages: Mapping[tuple[str, str], Page] | None = None,
        *,
        mounted: bool = False,
        kept_responses: KeptResponses,
    ) -> None:
        self.setup = setup
        self._mounted = mounted
        self.kept_responses = kept_responses
        self.pages = pages or {}
        self.transport = transport
        self.observers = tuple(observers)
        self.faces = Faces(setup.catalogue)
        self.open_requests = 0
        self.open_streams = 0
        self._prefix = secrets.token_hex(6)
        self._count = 0

    # --- the handler

    def handle(self, call: Call) -> Coroutine[Any, Any, Answer]:
        fields = dict(call.headers)
        return self._handle_page(call, fields) if "origin" in fields else self._handle(call, fields)

    async def _handle_page(self, call: Call, fields: Mapping[str, str]) -> Answer:
        """A call of a page in somebody's browser."""
        asked = preflight(fields, self.setup.config.cors) if call.method == "OPTIONS" else None
        if asked is not None:
            return asked
        return self._readable(await self._handle(call, fields), fields["origin"])

    def _readable(self, answer: Answer, origin: str) -> Answer:
        """``answer``, which a page of ``origin`` may read where it is allowed to."""
        return msgspec.structs.replace(answer, headers=(*answer.headers, *allowance(origin, self.setup.config.cors)))

    async def _handle(self, call: Call, fields: Mapping[str, str]) -> Answer:
        path = call.url.partition("?")[0]
        page = self.pages.get(("GET" if call.method == "HEAD" else call.method, path))
        if page is not None:
            return await self._show(page, call, fields)
        if ":" in path:
            call = with_whole_model(call)
            path = call.url.partition("?")[0]
        if call.method == "OPTIONS" and (taken := self._page_methods(path) | self.faces.methods(path)):
            return told_methods(taken)
        record = self._begin(call.method, path, call)
        face: Face | None = None
        try:
            found = self.faces.find(call.method, path, call.headers)
            if found is None:
                raise self._nothing_at(path, call.method)
            face, start = found
            record.face, record.does = face.dialect, face.does
            self._check_room()
            record.key_name = self._caller(call, fields)
            answer = await self._work(face, own_call(call, start), fields, record)
        except DragomanError as error:
            answer = self._failed(face or face_of(path), error, record)
        except asyncio.CancelledError:
            record.error = Cancelled("the caller left before the answer began")
            self._settle(record)
            raise
        except Exception as fault:  # noqa: BLE001  # a fault of ours is told, not left to break the connection
            answer = self._failed(face or face_of(path), ServerFault(f"the gateway failed: {type(fault).__name__}", status=500), record)
        return answer

    def refuse(self, call: Call, status: int, message: str) -> Answer:
        """What the server could not take, in the form of the face at that path."""
        path = call.url.partition("?")[0]
        record = self._begin(call.method, path, call)
        answer = self._failed(face_of(path), BadRequest(message, status=status), record)
        origin = header(call.headers, "origin")
        return answer if origin is None else self._readable(answer, origin)

    def _nothing_at(self, path: str, method: str) -> DragomanError:
        taken = self._page_methods(path)
        known = {at for _, at in self.pages} | {at for _, at, _ in self.faces.table()}
        return not_allowed(method, path, taken) if taken else nothing_at(path, sorted(known))

    def _page_methods(self, path: str) -> set[str]:
        return {method for method, at in self.pages if at == path}

    # --- one request

    def _begin(self, method: str, path: str, call: Call) -> Record:
        self._count += 1
        record = Record(f"req_{self._prefix}{self._count:08x}", method, path, time.monotonic())
        self.open_requests += 1
        for observer in self.observers:
            observer.began(record, call)
        return record

    async def _work(self, face: Face, call: Call, fields: Mapping[str, str], record: Record) -> Answer:
        face = meant(self.setup, face, call, record)
        record.does = face.does
        if record.key_name is not None and self.setup.callers_are_apart:
            check_handles(call, face.dialect, record.key_name, self.kept_responses)
        if face.does == PROMPTS:
            return await self._answer_prompt(face, call, fields, record)
        tell = TOLD.get(face.does)
        if tell is not None:
            reply = tell(self.setup, face, call, record)
        elif face.does == KEPT:
            reply = show_kept(self.kept_responses, record.key_name, call)
        else:
            reply = await operate(self.setup, self.transport, face, call, fields, record)
        record.status = reply.status
        self._settle(record)
        return Answer(reply.status, (*reply.headers, *self._headers(record)), reply.body)

    async def _show(self, page: Page, call: Call, fields: Mapping[str, str]) -> Answer:
        """What is no model's work: health, metrics, the description."""
        try:
            if page.for_callers:
                self._caller(call, fields)
            return await page.show(call)
        except DragomanError as error:
            reply = face_of(call.url).encode_error(error)
            reply = msgspec.structs.replace(reply, headers=(*reply.headers, *wanted(error, reply.status)))
        except Exception as fault:  # noqa: BLE001  # as with any other call
            reply = face_of(call.url).encode_error(ServerFault(f"the gateway failed: {type(fault).__name__}", status=500))
        return Answer(reply.status, reply.headers, reply.body)

    async def _answer_prompt(self, face: Face, call: Call, fields: Mapping[str, str], record: Record) -> Answer:
        setup = self.setup
        asking = Asking(face, call, fields, record, setup.config.limits.messages)
        if record.streamed:
            self._take_stream(record)
        if face.dialect == "openai_responses":
            asking.turn = Turn(self.kept_responses, record.key_name, asking.asked.previous_response_id)
            asking.call = asking.turn.with_items(asking.call)
        route = find_route(setup, asking.asked.model or "", face, record)
        check_further(setup, route, asking.asked, asking.call.body, record)
        driver = driver_of(setup.upstreams, route, asking, asked_waits(fields, route.timeouts), self.transport)
        given = self.kept_responses if setup.callers_are_apart else None
        delivery = Delivery(asking, driver, self._settle, given)
        sent_s = time.monotonic()
        try:
            content_type, body = await delivery.begin()
        except BaseException:
            delivery.abandon()
            raise
        back_s = time.monotonic()
        record.warnings = (*asking.warnings, *record.warnings)
        record.status = 200
        record.overhead_s = sent_s - record.begun_s + (back_s - (record.first_token_s or back_s))
        for observer in self.observers:
            observer.answering(record)
        if body is None:
            headers = (("content-type", content_type), *_STREAM_HEADERS, *self._headers(record))
            return Answer(200, headers, delivery, beat=beat_of(face.dialect, setup.config.limits.heartbeat))
        delivery.close()
        return Answer(200, (("content-type", content_type), *self._headers(record)), body)

    def _check_room(self) -> None:
        if self.open_requests > self.setup.config.limits.requests:
            raise Overloaded("too many requests are under way here; try again in a moment", retry_after_s=1.0)

    def _take_stream(self, record: Record) -> None:
        """Before it begins, so that many which begin at one time are not all let in."""
        if self.open_streams >= self.setup.config.limits.streams:
            raise Overloaded("too many streams are under way here; try again in a moment", retry_after_s=1.0)
        self.open_streams += 1
        record.holds_stream = True

    def _caller(self, call: Call, fields: Mapping[str, str]) -> str | None:
        """The name of the caller's key; ``None`` where no keys are asked for. Raises ``AuthFailed`` or ``PermissionDenied``."""
        keys = self.setup.client_keys
        if not keys:
            if not self._mounted:  # else whoever mounted it decides who may call
                check_local(fields, self.setup.config.cors)
            return None
        presented = presented_key(call.url, fields)
        if presented is None:
            raise AuthFailed(f"{_missing(keys, call.url, fields)}; one is expected as {PLACES}", code="missing_key")
        name = keys.name_of(presented)
        if name is None:
            raise AuthFailed("the key is not known here", code="invalid_api_key")
        return name

    # --- the end

    def _failed(self, face: Face, error: DragomanError, record: Record) -> Answer:
        record.error = error
        told = copy(shown(error))
        told.request_id = record.id
        reply = face.encode_error(told)
        record.status = reply.status
        self._settle(record)
        ours = (*self._headers(record, face.dialect), *wanted(error, reply.status))
        names = {name for name, _ in ours}  # some dialects tell the request's id themselves
        return Answer(reply.status, (*(field for field in reply.headers if field[0] not in names), *ours), reply.body)

    def _settle(self, record: Record) -> None:
        """Once, when everything of the request is over."""
        if record.ended_s is not None:
            return
        record.ended_s = time.monotonic()
        self.open_requests -= 1
        if record.holds_stream:
            self.open_streams -= 1
        if record.prices is not None:
            record.cost = cost_of(record.provider, (record.target_model,), record.usage, record.prices, record.service_tier)
        for observer in self.observers:
            observer.ended(record)

    def _headers(self, record: Record, dialect: str | None = None) -> Headers:
        headers = [("x-dragoman-request-id", record.id), (_REQUEST_ID.get(dialect or record.face, "x-request-id"), record.id)]
        if record.provider is not None:
            headers.append(("x-dragoman-target", f"{record.provider}/{record.target_model}"))
            headers.append(("x-dragoman-attempts", str(record.attempts)))
        if record.overhead_s is not None:
            headers.append(("x-dragoman-overhead-ms", f"{record.overhead_s * 1000:.3f}"))
        if record.cost is not None:
            headers.append(("x-dragoman-cost", f"{record.cost:f}"))
        if record.warnings:
            headers.extend(("x-dragoman-warning", line) for line in warned(record.warnings))
        return tuple(headers)


def presented_key(url: str, fields: Mapping[str, str]) -> str | None:
    """A caller's key, from wherever the SDKs of the faces put it."""
    kind, _, bearer = fields.get("authorization", "").partition(" ")
    if bearer and kind.lower() == "bearer":
        return bearer.strip()
    found = next((fields[name] for name in KEY_FIELDS if fields.get(name)), None)
    if found is None and "key=" in url:
        found = next(iter(parse_qs(url.partition("?")[2]).get("key", [])), None)
    return found


def _missing(keys: ClientKeys, url: str, fields: Mapping[str, str]) -> str:
    """Why no key was found: where there is one after all, in a place where nobody looks."""
    told = [*fields.items(), *(pair for pair in parse_qsl(url.partition("?")[2]))]
    place = next((name for name, value in told if keys.name_of(value.rpartition(" ")[2]) is not None), None)
    if place is None:
        return "no key was given"
    return f"{place} holds a key{' without Bearer before it' if place == 'authorization' else ', and is no place for one'}"


def warned(warnings: Sequence[str]) -> Iterator[str]:
    """Each warning once, as values of header fields, as many as a client is sure to take."""
    lines = list(dict.fromkeys(map(one_line, warnings)))
    left = WARNED_LENGTH
    for at, line in enumerate(lines):
        left -= len(line)
        if left < 0:
            yield f"and {len(lines) - at} more"
            return
        yield line


def one_line(text: str) -> str:
    """A warning as a header's value."""
    return " ".join(text.split())[:500].encode("ascii", "replace").decode()
