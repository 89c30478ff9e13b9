"""The emulated providers without their sockets: a call in, a plan of the answer out.

Everything about a provider comes from its row and its dialect; nothing here knows one by name. Prompts are answered by the scenario, all
else by ``operations``. Counts (request numbers, used-up faults) are
the only state, and time comes in as an argument.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import AuthFailed, BadRequest, DragomanError, ServerFault, UsageError
from dragoman.core.events import Event, OrderCheck
from dragoman.core.exchange import Call, Headers, Reply, header
from dragoman.core.request import Request
from dragoman.emulator.answer import Answer, answer_events, complete_events
from dragoman.emulator.fault import Fault
from dragoman.emulator.operations import ANSWERS, ANY_MODEL, SAMPLES, Asking, Operated, operations_of
from dragoman.emulator.plan import NO_FAULT, PAGE, Pace, Plan, asked_error, plan_events, plan_operation, plan_reply, sample
from dragoman.emulator.scenario import Scenario
from dragoman.wire.dialect import Dialect
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.operations import asked_for, encode_error, operation
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import by_status

Asked = TypeVar("Asked", bound=msgspec.Struct)

LISTING: Final = "list_models"
FAULT_HEADER: Final = "x-dragoman-fault"
FAULT_MARK: Final = "!"
"""What parts a model's name from the fault asked for behind it."""
REQUEST_IDS: Final = ("x-request-id", "request-id")
"""Under which names vendors tell the number of a request."""
WRONG_KEY: Final = "wrong-key"
"""The one key that every emulated provider refuses."""
FACES: Final = {("openai_chat", "completions"): "openai_completions", ("openai_chat", "responses"): "openai_responses"}
"""Other wires of prompts that a host has beside its dialect, by the ability that its row names."""
TELLS_FAILURES: Final = "openai_chat"
"""What stands in for the dialect of prompts where a row has operations alone."""


class Mount:
    """One emulated provider: its row, its dialect, and the path at which its base URL ends."""

    def __init__(self, row: Provider) -> None:
        self.row = row
        self.name = row.name
        self.dialect: Dialect = dialect(row.dialect if row.dialect in NAMES else TELLS_FAILURES)
        self.operations = {name: operation(row.dialect, name) for name in operations_of(row)}
        try:
            self.quirks = msgspec.convert(row.quirks, Quirks)
        except msgspec.ValidationError as fault:
            raise UsageError(f"provider {row.name}: quirks: {fault}") from None
        self.base = urlsplit(row.base_url).path.rstrip("/")
        self.path = self.quirks.path or self.dialect.PATH

    def encode_error(self, error: DragomanError) -> Reply:
        """A failing answer in the provider's form."""
        if self.row.dialect in NAMES:
            return self.dialect.encode_error(error, self.quirks)
        return encode_error(self.row.dialect, error, self.quirks)

    @property
    def url_path(self) -> str:
        """What stands behind host and port in the base URL of this provider."""
        return f"/{self.name}{self.base}"

    def faces(self) -> Iterator[Mount]:
        """The provider on the other wires that it has for prompts."""
        for (dialect_name, ability), face in FACES.items():
            if self.row.dialect == dialect_name and ability in self.row.abilities:
                yield Mount(msgspec.structs.replace(self.row, dialect=face, quirks={}, abilities=("chat",)))


class _Route(msgspec.Struct, frozen=True):
    pattern: re.Pattern[str]
    """Of the whole path; its group ``own`` is the part below the base URL."""
    method: str
    mount: Mount
    answer: Callable[[App, Mount, Call, int], Plan]


class _Form(msgspec.Struct, frozen=True):
    """In which form something is answered, also where it is something else than was asked for."""

    mount: Mount
    content_type: str
    fail: Callable[[DragomanError], bytes]
    """A failure inside an answer."""
    model: str
    stream: bool = False


class App:
    """Answers calls for ``providers``, the first of which also answers at the root."""

    def __init__(
        self,
        providers: Sequence[Provider],
        scenario: Scenario,
        pace: Pace,
        faults: Sequence[Fault] = (),
        operations: Mapping[str, Operated] = MappingProxyType({}),
    ) -> None:
        self.mounts = tuple(Mount(row) for row in providers)
        self._scenario = scenario
        self._pace = pace
        self._faults = tuple(faults)
        self._operations = dict(operations)
        self._used: Counter[tuple[str, Fault]] = Counter()
        self._count = 0
        self._routes = [route for prefixed in (True, False) for mount in self.mounts for route in _routes(mount, prefixed)]

    def answer(self, call: Call, now_s: int) -> Plan:
        """The answer to ``call``, made at ``now_s`` seconds since 1970. Never raises for what a caller or a scenario does."""
        self._count += 1
        path = call.url.partition("?")[0]
        found = [(route, hit) for route in self._routes if (hit := route.pattern.fullmatch(path))]
        if not found:
            return self._refuse_path(call, path)
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

    def _refuse_path(self, call: Call, path: str) -> Plan:
        """Says that a path is nobody's, in the form of the provider below whose name it is, else of the first."""
        near = [mount for mount in self.mounts if path.startswith(f"/{mount.name}/")]
        served = ", ".join(_served(near[0]) if near else [f"POST {mount.url_path}{mount.path}" for mount in self.mounts])
        error = BadRequest(f"nothing answers {call.method} {path}; served here: {served}", status=404)
        return msgspec.structs.replace(self._refuse((near or self.mounts)[0], error), provider=None)

    def _refuse(self, mount: Mount, error: DragomanError, headers: Headers = ()) -> Plan:
        reply = mount.encode_error(error)
        # The status that was asked for, also where the vendor's own for such an error is another (Anthropic's overloaded is 529).
        plan = plan_reply(Reply(error.status or reply.status, (*reply.headers, *headers), reply.body))
        return self._signed(msgspec.structs.replace(plan, error=error), mount)

    def _signed(self, plan: Plan, mount: Mount) -> Plan:
        ids = tuple((name, f"req_emulated_{self._count}") for name in REQUEST_IDS if header(plan.headers, name) is None)
        headers = (*plan.headers, *ids, ("x-dragoman-emulated", mount.name))
        return msgspec.structs.replace(plan, headers=headers, provider=mount.name)

    # --- the answer itself

    def _answer_prompt(self, mount: Mount, call: Call, now_s: int) -> Plan:
        instead = asked_for(mount.row.dialect, call)
        if instead in mount.operations:
            return self._answer_operation(instead, mount, call, now_s)
        request, asked = self._read_fault(mount, call, mount.dialect.decode_request(call, mount.quirks))
        try:
            plan = self._plan(mount, request, asked, now_s)
        except DragomanError as error:
            plan = self._refuse(mount, error)
        return msgspec.structs.replace(plan, request=request)

    def _read_fault(self, mount: Mount, call: Call, request: Asked) -> tuple[Asked, Fault | None]:
        """The request without the mark behind its model's name, and the fault that it asks for itself."""
        model, mark, suffix = _model_of(request).partition(FAULT_MARK)
        if mark:
            request = msgspec.structs.replace(request, model=model)
        told = header(call.headers, FAULT_HEADER) or (suffix if mark else None)
        return request, None if told is None else self._live(mount, Fault.parse(told))

    def _plan(self, mount: Mount, request: Request, asked: Fault | None, now_s: int) -> Plan:
        general = self._general(mount) if asked is None else asked
        encoder = mount.dialect.encoder(request, mount.quirks)
        form = _Form(mount, encoder.content_type, encoder.fail, request.model, request.stream)
        if general.replaces:
            return self._replace(form, general)
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
                return self._replace(form, fault)
            events = _begun(_checked(complete_events(events, request, f"chatcmpl-emulated-{self._count}", now_s)))
        except DragomanError:
            raise
        except Exception as error:
            raise _scenario_failure(error) from error
        self._use(mount, fault)
        plan = plan_events(events, request, encoder, self._pace, fault, mount.quirks)
        return msgspec.structs.replace(plan, fault=None if fault == NO_FAULT else fault)

    def _replace(self, form: _Form, fault: Fault) -> Plan:
        self._use(form.mount, fault)
        error = _status_error(fault) if fault.status is not None and not fault.html else None
        plan = plan_reply(_replacement(form, fault, error), fault)
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

    def _answer_operation(self, at: str, mount: Mount, call: Call, now_s: int) -> Plan:
        told = asked_for(mount.row.dialect, call)
        name = told if told in mount.operations else at
        request, asked = self._read_fault(mount, call, mount.operations[name].decode_request(call, mount.quirks))
        try:
            plan = self._plan_operation(name, mount, request, asked, now_s)
        except DragomanError as error:
            plan = self._refuse(mount, error)
        return msgspec.structs.replace(plan, operation=name, asked=request)

    def _plan_operation(self, name: str, mount: Mount, request: Any, asked: Fault | None, now_s: int) -> Plan:
        fault = self._fault_of(name, mount) if asked is None else asked
        form = _Form(mount, "application/json", lambda error: mount.encode_error(error).body, _model_of(request))
        if fault.replaces:
            return self._replace(form, fault)
        try:
            reply = mount.operations[name].encode_reply(self._operate(name, request, mount, now_s), request, mount.quirks)
        except DragomanError:
            raise
        except Exception as error:
            raise _scenario_failure(error) from error
        self._use(mount, fault)
        pace = Pace() if name == LISTING else self._pace
        plan = plan_operation(reply, pace, fault, form.fail(asked_error(fault)))
        return msgspec.structs.replace(plan, fault=None if fault == NO_FAULT else fault)

    def _fault_of(self, name: str, mount: Mount) -> Fault:
        """A list of models is what clients ask before they begin: it meets those faults alone that it asks for itself."""
        return NO_FAULT if name == LISTING else self._general(mount)

    def _operate(self, name: str, request: Any, mount: Mount, now_s: int) -> Any:
        own = self._operations.get(name)
        return own(request) if own else ANSWERS[name](request, Asking(mount.row, self._count, now_s))


# --- routes -----------------------------------------------------------------------------------------------------------------------------


def _routes(mount: Mount, prefixed: bool) -> Iterator[_Route]:
    base = _pattern(mount.url_path if prefixed else mount.base)
    if mount.row.answers_prompts:
        for one in (mount, *mount.faces()):
            for own in _prompt_paths(one):
                yield _Route(re.compile(f"{base}(?P<own>{own})"), "POST", one, App._answer_prompt)
    for name, speaking in mount.operations.items():
        method, path = _where(name, mount)
        theirs = _pattern(path).replace(re.escape(ANY_MODEL), "[^/]+")
        for own in dict.fromkeys((theirs, *speaking.ROUTES)):
            yield _Route(re.compile(f"{base}(?P<own>{own})"), method, mount, _operating(name))


def _prompt_paths(mount: Mount) -> Sequence[str]:
    return (_pattern(mount.quirks.path.partition("?")[0]),) if mount.quirks.path else mount.dialect.ROUTES


def _operating(name: str) -> Callable[[App, Mount, Call, int], Plan]:
    return lambda app, mount, call, now_s: app._answer_operation(name, mount, call, now_s)


def _where(name: str, mount: Mount) -> tuple[str, str]:
    """Method and path of an operation, as the client role of its dialect says it to this host."""
    call = mount.operations[name].encode_request(SAMPLES[name], mount.quirks)
    return call.method, call.url.partition("?")[0]


def _served(mount: Mount) -> list[str]:
    """All that answers below a provider's name, as methods and paths."""
    prompts = [f"POST {mount.url_path}{one.path}" for one in (mount, *mount.faces())] if mount.row.answers_prompts else []
    places = [_where(name, mount) for name in mount.operations]
    return [*prompts, *(f"{method} {mount.url_path}{path.replace(ANY_MODEL, '{model}')}" for method, path in places)]


def _model_of(request: object) -> str:
    return getattr(request, "model", None) or ""


def _pattern(path: str) -> str:
    """A path, which may hold ``{name}`` placeholders, as a regular expression."""
    return "[^/]+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", path))


# --- checks -----------------------------------------------------------------------------------------------------------------------------


def _bearer(call: Call, name: str) -> str | None:
    kind, _, key = (header(call.headers, "authorization") or "").partition(" ")
    return key.strip() if kind.lower() == (name or "bearer").lower() else None


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


def _replacement(form: _Form, fault: Fault, error: DragomanError | None) -> Reply:
    if error is not None:
        reply = form.mount.encode_error(error)
        headers = reply.headers
        if fault.retry_after_s is not None and header(headers, "retry-after") is None:
            headers = (*headers, ("retry-after", f"{fault.retry_after_s:g}"))
        return Reply(reply.status, headers, reply.body)
    if fault.html:
        waits = () if fault.retry_after_s is None else (("retry-after", f"{fault.retry_after_s:g}"),)
        return Reply(fault.status or 200, (("content-type", "text/html; charset=utf-8"), *waits), PAGE)
    body = b"" if fault.empty else _passing_fault(form)
    return Reply(200, (("content-type", form.content_type),), body)


def _passing_fault(form: _Form) -> bytes:
    """The words by which this host announces its passing fault: a bare line of a stream, or the error record of a whole answer."""
    name, passing = form.mount.name, form.mount.quirks.passing_faults
    if not passing:
        raise UsageError(f"fault: passing-fault was given; {name} has none in its row")
    text = sample(passing[0].pattern, form.model)
    if text is None:
        raise UsageError(f"fault: passing-fault was given; no text could be made for the pattern {passing[0].pattern!r} of {name}")
    return text.encode() + b"\n" if form.stream else form.fail(ServerFault(text))
