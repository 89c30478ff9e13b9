"""The emulated providers without their sockets: a call in, a plan of the answer out.

Everything about a provider comes from its row and its dialect; nothing here knows one by name. Counts (request numbers, used-up faults) are
the only state, and time comes in as an argument.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import AuthFailed, BadRequest, DragomanError, ServerFault, UsageError
from dragoman.core.events import Event, OrderCheck
from dragoman.core.exchange import Call, Headers, Reply, header
from dragoman.core.opaque import JsonObject
from dragoman.core.request import Request
from dragoman.emulator.answer import Answer, answer_events, complete_events
from dragoman.emulator.fault import Fault
from dragoman.emulator.plan import NO_FAULT, PAGE, Pace, Plan, plan_events, plan_reply, sample
from dragoman.emulator.scenario import Scenario
from dragoman.wire.dialect import Dialect
from dragoman.wire.dialects import dialect
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import by_status

FAULT_HEADER: Final = "x-dragoman-fault"
FAULT_MARK: Final = "!"
"""What parts a model's name from the fault asked for behind it."""
WRONG_KEY: Final = "wrong-key"
"""The one key that every emulated provider refuses."""


class Mount:
    """One emulated provider: its row, its dialect, and the path at which its base URL ends."""

    def __init__(self, row: Provider) -> None:
        self.row = row
        self.name = row.name
        self.dialect: Dialect = dialect(row.dialect)
        try:
            self.quirks = msgspec.convert(row.quirks, Quirks)
        except msgspec.ValidationError as fault:
            raise UsageError(f"provider {row.name}: quirks: {fault}") from None
        self.base = urlsplit(row.base_url).path.rstrip("/")
        self.path = self.quirks.path or self.dialect.PATH

    @property
    def url_path(self) -> str:
        """What stands behind host and port in the base URL of this provider."""
        return f"/{self.name}{self.base}"


class _Route(msgspec.Struct, frozen=True):
    pattern: re.Pattern[str]
    """Of the whole path; its group ``own`` is the part below the base URL."""
    method: Literal["GET", "POST"]
    mount: Mount
    answer: Callable[[App, Mount, Call, int], Plan]


class App:
    """Answers calls for ``providers``, the first of which also answers at the root."""

    def __init__(self, providers: Sequence[Provider], scenario: Scenario, pace: Pace, faults: Sequence[Fault] = ()) -> None:
        self.mounts = tuple(Mount(row) for row in providers)
        self._scenario = scenario
        self._pace = pace
        self._faults = tuple(faults)
        self._used: Counter[tuple[str, Fault]] = Counter()
        self._count = 0
        self._routes = [route for prefixed in (True, False) for mount in self.mounts for route in _routes(mount, prefixed)]

    def answer(self, call: Call, now_s: int) -> Plan:
        """The answer to ``call``, made at ``now_s`` seconds since 1970. Never raises for what a caller or a scenario does."""
        self._count += 1
        path = call.url.partition("?")[0]
        found = [(route, hit) for route in self._routes if (hit := route.pattern.fullmatch(path))]
        if not found:
            plan = self._refuse(self._nearest_mount(path), self._no_such_path(call))
            return msgspec.structs.replace(plan, provider=None)
        route, hit = next((pair for pair in found if pair[0].method == call.method), found[0])
        mount = route.mount
        if route.method != call.method:
            error = BadRequest(f"method {call.method} was used for {path}; {route.method} is allowed", status=405)
            return self._refuse(mount, error, (("allow", route.method),))
        own = msgspec.structs.replace(call, url=call.url[hit.start("own") :])
        try:
            _check_key(mount, own)
            plan = route.answer(self, mount, own, now_s)
        except DragomanError as error:
            return self._refuse(mount, error)
        except Exception as error:  # noqa: BLE001  # a fault of a dialect is told, not left to hang its caller
            return self._refuse(mount, ServerFault(f"the emulator failed: {type(error).__name__}: {error}", status=500))
        return self._signed(plan, mount)

    def _nearest_mount(self, path: str) -> Mount:
        """In whose form to say that a path is nobody's."""
        return next((mount for mount in self.mounts if path.startswith(f"/{mount.name}/")), self.mounts[0])

    def _no_such_path(self, call: Call) -> DragomanError:
        served = ", ".join(f"POST {mount.url_path}{mount.path}" for mount in self.mounts)
        return BadRequest(f"nothing answers {call.method} {call.url.partition('?')[0]}; served here: {served}", status=404)

    def _refuse(self, mount: Mount, error: DragomanError, headers: Headers = ()) -> Plan:
        reply = mount.dialect.encode_error(error, mount.quirks)
        # The status that was asked for, also where the vendor's own for such an error is another (Anthropic's overloaded is 529).
        plan = plan_reply(Reply(error.status or reply.status, (*reply.headers, *headers), reply.body))
        return self._signed(msgspec.structs.replace(plan, error=error), mount)

    def _signed(self, plan: Plan, mount: Mount) -> Plan:
        headers = (*plan.headers, ("x-request-id", f"req_emulated_{self._count}"), ("x-dragoman-emulated", mount.name))
        return msgspec.structs.replace(plan, headers=headers, provider=mount.name)

    # --- the answer itself

    def _answer_request(self, mount: Mount, call: Call, now_s: int) -> Plan:
        request = mount.dialect.decode_request(call, mount.quirks)
        model, mark, suffix = request.model.partition(FAULT_MARK)
        request = msgspec.structs.replace(request, model=model)
        told = header(call.headers, FAULT_HEADER) or (suffix if mark else None)
        asked = None if told is None else self._live(mount, Fault.parse(told))
        try:
            plan = self._plan(mount, request, asked, now_s)
        except DragomanError as error:
            plan = self._refuse(mount, error)
        return msgspec.structs.replace(plan, request=request)

    def _plan(self, mount: Mount, request: Request, asked: Fault | None, now_s: int) -> Plan:
        general = self._general(mount) if asked is None else asked
        if general.replaces:
            return self._replace(mount, request, general)
        fault = general
        try:
            said = self._scenario(request)
            if isinstance(said, str):
                said = Answer(text=said)
            if not isinstance(said, Answer):
                events = said
            else:
                if asked is None and said.fault is not None:
                    fault = self._live(mount, Fault.of(said.fault))
                events = answer_events(said, request, f"call_emulated_{self._count}")
            if fault.replaces:
                return self._replace(mount, request, fault)
            events = _begun(_checked(complete_events(events, request, f"chatcmpl-emulated-{self._count}", now_s)))
        except DragomanError:
            raise
        except Exception as error:
            raise _scenario_failure(error) from error
        self._use(mount, fault)
        plan = plan_events(events, request, mount.dialect.encoder(request, mount.quirks), self._pace, fault, mount.quirks)
        return msgspec.structs.replace(plan, fault=None if fault == NO_FAULT else fault)

    def _replace(self, mount: Mount, request: Request, fault: Fault) -> Plan:
        self._use(mount, fault)
        error = _status_error(fault) if fault.status is not None and not fault.html else None
        plan = plan_reply(_replacement(mount, request, fault, error), fault)
        return msgspec.structs.replace(plan, fault=fault, error=error)

    # --- faults that are used up

    def _general(self, mount: Mount) -> Fault:
        """The first fault for all requests that is not used up."""
        return next((fault for fault in self._faults if self._live(mount, fault) is fault), NO_FAULT)

    def _live(self, mount: Mount, fault: Fault) -> Fault:
        spent = fault.times is not None and self._used[mount.name, fault] >= fault.times
        return NO_FAULT if spent else fault

    def _use(self, mount: Mount, fault: Fault) -> None:
        if fault.times is not None:
            self._used[mount.name, fault] += 1

    # --- what else is asked

    def _list_models(self, mount: Mount, call: Call, now_s: int) -> Plan:
        told = header(call.headers, FAULT_HEADER)
        fault = self._live(mount, Fault.parse(told)) if told else NO_FAULT
        if fault.replaces:
            return self._replace(mount, Request(model="", messages=()), fault)
        models = [{"id": model.name, "object": "model", "created": 0, "owned_by": mount.name} for model in mount.row.models]
        listing: JsonObject = {"object": "list", "data": models}
        return plan_reply(Reply(200, (("content-type", "application/json"),), dump(listing)), fault)


# --- routes -----------------------------------------------------------------------------------------------------------------------------

_LISTED: Final = ("openai_chat",)
"""Dialects in whose customary form the list of models is told."""


def _routes(mount: Mount, prefixed: bool) -> Iterator[_Route]:
    base = _pattern(mount.url_path if prefixed else mount.base)
    for own in (_pattern(mount.quirks.path.partition("?")[0]),) if mount.quirks.path else mount.dialect.ROUTES:
        yield _Route(re.compile(f"{base}(?P<own>{own})"), "POST", mount, App._answer_request)
    if mount.row.dialect in _LISTED:
        for path in dict.fromkeys(("/models", f"{mount.path.removesuffix(mount.dialect.PATH)}/models")):
            yield _Route(re.compile(f"{base}(?P<own>{re.escape(path)})"), "GET", mount, App._list_models)


def _pattern(path: str) -> str:
    """A path, which may hold ``{name}`` placeholders, as a regular expression."""
    return "[^/]+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", path))


# --- checks -----------------------------------------------------------------------------------------------------------------------------


def _bearer(call: Call, name: str) -> str | None:
    kind, _, key = (header(call.headers, "authorization") or "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else None


def _from_query(call: Call, name: str) -> str | None:
    return next(iter(parse_qs(urlsplit(call.url).query).get(name, [])), None)


_KEYS: Final[dict[str, Callable[[Call, str], str | None]]] = {
    "bearer": _bearer,
    "header": lambda call, name: header(call.headers, name.lower()),
    "query": _from_query,
    "sigv4": lambda call, name: _bearer(call, name) or header(call.headers, "authorization"),
    "google": lambda call, name: header(call.headers, name.lower()),
    "azure": lambda call, name: header(call.headers, name.lower()),
}
"""Where a caller's key stands, by the row's ``auth.place``; a signature is only looked for, and taken for a key."""


def _check_key(mount: Mount, call: Call) -> None:
    auth = mount.row.auth
    find = _KEYS.get(auth.place)
    if find is None:
        return
    # Vendors' SDKs have taken to the bearer form, whatever the wire's own place is, and the vendors take it.
    key = find(call, auth.name or "") or _KEYS["bearer"](call, "")
    if key == WRONG_KEY:
        raise AuthFailed(f"the key was refused: the emulator takes any but {WRONG_KEY!r}", status=401)
    if auth.required and not key:
        place = f"{auth.place} {auth.name}" if auth.name else "Authorization: Bearer"
        raise AuthFailed(f"no key was given; any is taken, in the place that {mount.name} wants it: {place}", status=401)


# --- what a scenario gives --------------------------------------------------------------------------------------------------------------


def _scenario_failure(error: Exception) -> DragomanError:
    return ServerFault(f"the scenario failed: {type(error).__name__}: {error}", status=500)


def _begun(events: Iterator[Event]) -> Iterator[Event]:
    """``events`` with the first content made already, so that a scenario that fails at once fails before the answer has begun."""
    made = [event for _, event in zip(range(2), events, strict=False)]
    return chain(made, events)


def _checked(events: Iterable[Event]) -> Iterator[Event]:
    """``events``; whatever a scenario raises in their midst, and an order that is not legal, is an error of our tree."""
    order = OrderCheck()
    try:
        for event in events:
            order.check(event)
            yield event
        order.end()
    except DragomanError:
        raise
    except Exception as error:
        raise _scenario_failure(error) from error


# --- what stands in place of an answer --------------------------------------------------------------------------------------------------


def _status_error(fault: Fault) -> DragomanError:
    status = fault.status or 500
    return by_status(status)(
        f"the emulator was asked to answer with status {status}", status=status, code=fault.code, retry_after_s=fault.retry_after_s
    )


def _replacement(mount: Mount, request: Request, fault: Fault, error: DragomanError | None) -> Reply:
    if error is not None:
        reply = mount.dialect.encode_error(error, mount.quirks)
        headers = reply.headers
        if fault.retry_after_s is not None and header(headers, "retry-after") is None:
            headers = (*headers, ("retry-after", f"{fault.retry_after_s:g}"))
        return Reply(reply.status, headers, reply.body)
    if fault.html:
        waits = () if fault.retry_after_s is None else (("retry-after", f"{fault.retry_after_s:g}"),)
        return Reply(fault.status or 200, (("content-type", "text/html; charset=utf-8"), *waits), PAGE)
    encoder = mount.dialect.encoder(request, mount.quirks)
    body = b"" if fault.empty else _passing_fault(mount, request)
    return Reply(200, (("content-type", encoder.content_type),), body)


def _passing_fault(mount: Mount, request: Request) -> bytes:
    """The words by which this host announces its passing fault: a bare line of a stream, or the error record of a whole answer."""
    passing = mount.quirks.passing_faults
    if not passing:
        raise UsageError(f"fault: passing-fault was given; {mount.name} has none in its row")
    text = sample(passing[0].pattern, request.model)
    if text is None:
        raise UsageError(f"fault: passing-fault was given; no text could be made for the pattern {passing[0].pattern!r} of {mount.name}")
    if request.stream:
        return text.encode() + b"\n"
    return mount.dialect.encoder(request, mount.quirks).fail(ServerFault(text))
