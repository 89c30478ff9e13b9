"""Joins catalogue, wire, sign and flow: a model's name and a request become a flow that delivers the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec

from dragoman import __version__
from dragoman.catalogue.load import Catalogue, nearest
from dragoman.catalogue.schema import OPERATION_ABILITIES, Provider
from dragoman.core.errors import BadReply, DragomanError, ServerFault, Unsupported, UsageError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Decoder, Headers, Reply, Timeouts, header, with_headers
from dragoman.core.request import Request
from dragoman.core.token import Key
from dragoman.core.words import in_words
from dragoman.credentials import CLOUDS, Access, Keyring, missing_credentials
from dragoman.flow.attempt import ReadWhole, Target
from dragoman.flow.effects import Flow
from dragoman.flow.retry import RetryBudget, RetryPolicy, retrying
from dragoman.flow.tokens import Signer
from dragoman.flow.whole import Whole
from dragoman.prompts import CallOptions
from dragoman.settings import NOTHING, Surroundings, check_key, check_parts, missing_key
from dragoman.sign.key import PLACES
from dragoman.wire.carried import gathered
from dragoman.wire.dialect import Dialect
from dragoman.wire.dialects import dialect
from dragoman.wire.framed import WholeDecoder
from dragoman.wire.operations import MODULES, Operation, operation
from dragoman.wire.payload import snippet
from dragoman.wire.quirks import PassingFault, Quirks

USER_AGENT = f"dragoman/{__version__}"
_FORMS = {
    "text/event-stream": True,
    "application/vnd.amazon.eventstream": True,
    "application/x-ndjson": True,
    "application/jsonl": True,
    "application/json": False,
}
"""Content types that tell how an answer comes: streamed or whole."""
_NOT_IN_BASE_URL = re.compile(r"[\s?#]")
"""The dialect's path is put behind a base URL, so it can hold neither query nor fragment."""
_METHODS = {"rank": "rerank"}
"""Operations whose methods have another name."""

DecodeError: TypeAlias = Callable[[Reply], DragomanError]
_Head: TypeAlias = tuple[str, Headers]
"""A call's URL and headers."""
K = TypeVar("K")
V = TypeVar("V")
_REMEMBERED = 256
"""How much of one kind is remembered: there may be a model in a path, and a key for each caller."""


class Endpoint(msgspec.Struct, frozen=True):
    """A provider ready to be called: its row and quirks, and where it is."""

    provider: Provider
    quirks: Quirks
    base_url: str

    @property
    def dialect(self) -> Dialect:
        """The wire of its answers. Raises ``UsageError`` where it has none."""
        return dialect(self.provider.dialect)


class Place:
    """An endpoint and what proves to it who calls. It never prints its secret."""

    def __init__(self, endpoint: Endpoint, access: Access | None, secret: str | None) -> None:
        self.endpoint = endpoint
        self.access = access
        self.secret = secret
        self._dressed: dict[_Head, _Head] = {}

    def target(
        self,
        model: str,
        call: Call,
        decoder: Callable[[Headers], Decoder],
        decode_error: DecodeError,
        strict: bool,
        read_whole: ReadWhole | None = None,
    ) -> Target:
        """Where ``call`` goes, addressed; signed, or with what signs it at each try. Raises ``Unsupported`` for warnings if ``strict``."""
        provider = self.endpoint.provider
        warnings = gathered(call.warnings)
        if strict and warnings:
            raise Unsupported("; ".join(warnings), provider=provider.name, model=model)
        head = (call.url, call.headers)
        url, headers = self._dressed.get(head) or self._dress(head)
        call = Call(call.method, url, headers, call.body, warnings)
        if self.access is None:
            return Target(provider.name, model, call, decoder, decode_error, self._redact, None, read_whole)
        call, signer = self.access.applied(call)
        return Target(provider.name, model, call, decoder, decode_error, partial(self._redact, signer=signer), signer, read_whole)

    def _dress(self, head: _Head) -> _Head:
        """A dialect's path and headers as they go out: addressed, and with the key; worked out once, as most calls have the same."""
        auth = self.endpoint.provider.auth
        call = _address(Call("POST", *head), self.endpoint.base_url)
        if self.secret and self.access is None:
            call = PLACES[auth.place](call, self.secret, auth.name)
        return remembered(self._dressed, head, (call.url, call.headers))

    def _redact(self, error: DragomanError, signer: Signer | None = None) -> None:
        for secret in self.access.secrets if self.access else (self.secret or "",):
            error.redact(secret)
        if signer:
            signer.redact(error)


class Router:
    """Knows the providers and what each needs; holds no connection and makes none."""

    def __init__(
        self,
        surroundings: Surroundings,
        catalogue: Catalogue,
        keys: Mapping[str, Key],
        base_urls: dict[str, str],
        policy: RetryPolicy,
        budget: RetryBudget,
    ) -> None:
        self.catalogue = catalogue
        self._surroundings = surroundings
        self._keys = keys
        self._base_urls = base_urls
        self._policy = policy
        self._budget = budget
        self._endpoints: dict[str, Endpoint] = {}
        self._places: dict[tuple[str, str | None], Place] = {}
        self._keyring = Keyring(surroundings)

    def route(
        self, request: Request, timeouts: Timeouts, key: Key | None = None, base_url: str | None = None, strict: bool = False
    ) -> Flow[None]:
        """The flow that answers ``request``, whose model is ``provider/model``. Raises ``UsageError`` before anything is sent."""
        return self.tries(self.target(request, key, base_url, strict), timeouts)

    def tries(self, target: Target, timeouts: Timeouts) -> Flow[None]:
        """The flow that brings the answer of ``target``, trying again as the policy says."""
        return retrying(target, timeouts, self._policy, self._budget)

    def target(
        self, request: Request, key: Key | None = None, base_url: str | None = None, strict: bool = False, speaks: str | None = None
    ) -> Target:
        """Where ``request`` goes, encoded and addressed; signed, or with what signs it at each try.

        ``speaks`` is the dialect of another face of the same host.
        """
        provider, model = self.catalogue.resolve(request.model)
        if not provider.answers_prompts:
            raise Unsupported(f"{provider.title} answers no prompts; {_instead(provider)}", provider=provider.name, model=model)
        place = self.place(provider, key, base_url)
        speaking, quirks = place.endpoint.dialect, place.endpoint.quirks
        if speaks is not None and speaks != provider.dialect:
            speaking, quirks = dialect(speaks), Quirks(headers=quirks.headers)
        call = speaking.encode_request(msgspec.structs.replace(request, model=model), quirks)
        reading = _reading(quirks, request)
        asked = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"

        def decoder(headers: Headers) -> Decoder:
            try:
                return speaking.decoder(is_streamed(headers, asked), reading)
            except BadReply as refused:
                if not quirks.passing_faults:
                    raise
                return WholeDecoder(page_reader(refused, quirks, lambda body: decode_error(Reply(200, headers, body))))

        def decode_error(reply: Reply) -> DragomanError:
            return speaking.decode_error(reply, quirks)

        return place.target(model, call, decoder, decode_error, strict, lambda body: speaking.read_whole(body, reading))

    def operate(
        self,
        name: str,
        request: Any,
        at: tuple[Provider, str],
        options: CallOptions,
        timeouts: Timeouts,
        sent: Callable[[Call], Call] = lambda call: call,
    ) -> tuple[Flow[None], Whole[Any], tuple[str, ...]]:
        """The flow that asks the model at a provider for the operation ``name``, what will hold the answer, and what could not be said.

        ``sent`` makes of the call that says ``request`` the one that is sent. Raises ``UsageError`` before anything is.
        """
        provider, model = at
        speaking = self._operation(provider, name)
        place = self.place(provider, options.get("key"), options.get("base_url"))
        quirks = place.endpoint.quirks
        call = sent(speaking.encode_request(request, quirks))

        def decode_error(reply: Reply) -> DragomanError:
            try:
                speaking.decode_reply(reply, quirks)
            except DragomanError as error:
                return error
            return ServerFault(f"the answer has status {reply.status} and tells no fault", status=reply.status)

        whole: Whole[Any] = Whole(lambda reply: speaking.decode_reply(reply, quirks))
        target = place.target(model, call, whole.decoder, decode_error, options.get("strict", False))
        return self.tries(target, timeouts), whole, call.warnings

    def _operation(self, provider: Provider, name: str) -> Operation[Any, Any]:
        """How ``provider`` says it. Raises ``Unsupported`` that names providers which do."""
        if (provider.dialect, name) in MODULES:
            return operation(provider.dialect, name)
        having = [
            row.name for row in self.catalogue if (row.dialect, name) in MODULES and OPERATION_ABILITIES.get(name, "chat") in row.abilities
        ]
        shown = ", ".join(having[:12]) + (" …" if len(having) > 12 else "")
        raise Unsupported(f"{_METHODS.get(name, name)}: {provider.title} does not have it; these do: {shown}", provider=provider.name)

    def place(self, provider: Provider, key: Key | None, base_url: str | None) -> Place:
        """Where and as whom ``provider`` is called. Raises ``UsageError``, ``MissingKey`` among them."""
        access = self.access(provider, key) if provider.auth.place in CLOUDS else None
        secret = None if access else self.key(provider, key)
        if base_url is not None:
            return Place(_endpoint(provider, check_base_url(base_url, "base_url")), access, secret)
        if access:
            return Place(self.endpoint(provider, access), access, None)
        known = (provider.name, secret)
        return self._places.get(known) or remembered(self._places, known, Place(self.endpoint(provider), None, secret))

    def endpoint(self, provider: Provider, access: Access | None = None) -> Endpoint:
        """The provider with its dialect loaded and its address known. Raises ``UsageError`` where a part of the address is not set."""
        place = provider.name if access is None else f"{provider.name} {self._base_url(provider, access)}"
        found = self._endpoints.get(place)
        if found is None:
            given = check_base_url(self._base_url(provider, access), f"base URL of {provider.name}")
            found = self._endpoints[place] = _endpoint(provider, given)
        return found

    def _base_url(self, provider: Provider, access: Access | None) -> str:
        given = self._base_urls.get(provider.name)
        if given:
            return given
        if access and access.account and provider.auth.base_url:
            provider = msgspec.structs.replace(provider, base_url=provider.auth.base_url)
        known = access.known if access else NOTHING
        lacking = self._surroundings.lacking(provider, known)
        if lacking:
            if access and access.last_resort:  # who has set nothing at all is told everything
                raise missing_credentials(provider)
            raise UsageError(f"{provider.name}: its address needs {' and '.join(lacking)}; set what is missing, or pass base_url")
        return self._surroundings.base_url(provider, known)

    def access(self, provider: Provider, given: Key | None = None) -> Access | None:
        """How calls to a provider that takes a cloud's credentials are signed: by what is given, the client's, what is found.

        Raises ``MissingKey``, and ``UsageError`` where what was found cannot be used. ``None`` where nothing is found or needed.
        """
        found = self._keyring.access(provider, self._keys.get(provider.name) if given is None else check_parts(given, "key"))
        if found is None and provider.auth.required:
            raise missing_credentials(provider)
        return found

    def key(self, provider: Provider, given: Key | None = None) -> str | None:
        """The provider's key: as given, the client's, the environment's, the key file's. Raises ``MissingKey``."""
        if provider.auth.place == "none":
            return None
        if given is not None:
            return check_key(given, "key")
        if provider.name in self._keys:
            return check_key(self._keys[provider.name], f"keys[{provider.name!r}]")
        found = self._surroundings.key(provider)
        if found:
            return check_key(found[0], found[1])
        if provider.auth.required:
            raise missing_key(provider)
        return None


def check_base_url(given: str, what: str) -> str:
    """``given`` without its last slash. Raises ``UsageError`` where it is no http(s) address."""
    try:
        parts = urlsplit(given)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not _NOT_IN_BASE_URL.search(given)
    except (ValueError, AttributeError, TypeError):
        fits = False
    if not fits:
        raise UsageError(f"{what}: {in_words(given)} was given; an address like https://host[:port][/path] is expected")
    if "@" in parts.netloc:  # said without showing it: what stands there is a secret
        raise UsageError(f"{what}: it holds a user or password, which are not sent; give the provider's key as key= instead")
    return given.rstrip("/")


def is_streamed(headers: Headers, asked: bool) -> bool:
    """Whether the answer with this head comes streamed. Raises ``BadReply`` for a type that no answer has.

    A host that names no type, or one without meaning, is believed to answer as it was asked.
    """
    told = header(headers, "content-type") or ""
    if told in _FORMS:
        return _FORMS[told]
    kind = told.partition(";")[0].strip().lower()
    form = _FORMS.get(kind)
    if form is None and kind.startswith(("text/html", "image/", "audio/", "video/")):
        raise BadReply(f"the answer has content type {kind!r}; JSON or an event stream is expected")
    return asked if form is None else form


def page_reader(refused: BadReply, quirks: Quirks, decode: Callable[[bytes], DragomanError]) -> Callable[[bytes], list[Event]]:
    """Reads a page in place of an answer: it may announce a passing fault, and is ``refused`` else."""

    def read(body: bytes) -> list[Event]:
        text = snippet(body)
        if any(re.search(passing.pattern, text) for passing in quirks.passing_faults):
            raise decode(body)
        raise refused

    return read


def remembered(memory: dict[K, V], key: K, value: V) -> V:
    """``value``, put into ``memory``, which begins anew where it is full."""
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value
    return value


def _endpoint(provider: Provider, base_url: str) -> Endpoint:
    try:
        quirks = msgspec.convert(provider.quirks, Quirks)
    except msgspec.ValidationError as fault:
        raise UsageError(f"provider {provider.name}: quirks: {_explained(str(fault))}") from None
    return Endpoint(provider, quirks, base_url)


def _instead(provider: Provider) -> str:
    """What may be asked of a provider that answers no prompts."""
    having = [
        name for name, ability in OPERATION_ABILITIES.items() if ability in provider.abilities and (provider.dialect, name) in MODULES
    ]
    return f"it has {' and '.join(_METHODS.get(name, name) for name in having) or 'nothing that can be asked here'}"


def _explained(fault: str) -> str:
    """msgspec's words, with the nearest names where a field is not known."""
    found = re.search(r"unknown field `([^`]*)`(?: - at `\$\.(passing_faults))?", fault)
    if not found:
        return fault
    field, place = found.groups()
    kind = PassingFault if place else Quirks
    return f"unknown field {field!r}{f' in {place}' if place else ''}; {nearest(field, list(kind.__struct_fields__))}"


def _reading(quirks: Quirks, request: Request) -> Quirks:
    """How the answer is read: where several choices come one after another, the first one's finish reason does not end the answer."""
    if (request.n or 1) > 1 and quirks.end_marker == "finish":
        return msgspec.structs.replace(quirks, end_marker="stream")
    return quirks


def _address(call: Call, base_url: str) -> Call:
    headers = call.headers if header(call.headers, "user-agent") else with_headers(call.headers, {"user-agent": USER_AGENT})
    return msgspec.structs.replace(call, url=base_url + call.url, headers=headers)
