"""Where callers are served: method and path to a face.

A face is one dialect's server role at its customary paths, for prompts or for one operation. Everything comes from the dialects' own
``ROUTES``; this table knows only what stands before them in the base URLs that callers use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Call, Headers, Reply
from dragoman.gateway.methods import not_allowed
from dragoman.wire.dialect import Dialect
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.ollama import show
from dragoman.wire.operations import MODULES, Operation, encode_error, operation
from dragoman.wire.quirks import NONE, Quirks

PROMPTS: Final = "prompts"
LISTING: Final = "list_models"
ONE_MODEL: Final = "show_model"
KEPT: Final = "kept_response"
CARD: Final = "model_card"
LOADED: Final = "loaded_models"
VERSION: Final = "version"

_OPENAI: Final = ("/v1", "", "/openai/v1", "/api/openai/v1")
_BASES: Final[dict[str, tuple[str, ...]]] = {
    "openai_chat": _OPENAI,
    "openai_completions": _OPENAI,
    "openai_responses": _OPENAI,
    "anthropic_messages": ("", "/anthropic"),
    "gemini": ("/v1beta", "/v1", "/v1beta1", "/gemini/v1beta"),
    "ollama": ("", "/ollama"),
    "cohere": ("", "/cohere"),
    "bedrock_converse": ("", "/bedrock"),
    "raycast": ("", "/raycast"),
}
"""What stands before a dialect's own path, the customary one first; later dialects do not take a path from earlier ones."""
_ROWS: Final = ("lockchat", "gravityengine", "equing")
"""Providers whose own deviations are served too, each below its name."""
_KEPT_PATHS: Final = (
    ("GET", "/responses/{id}", r"/responses/[^/]+"),
    ("DELETE", "/responses/{id}", r"/responses/[^/]+"),
    ("GET", "/responses/{id}/input_items", r"/responses/[^/]+/input_items"),
)
_OLLAMA_ABOUT: Final = (("POST", show.PATH, CARD), ("GET", show.LOADED_PATH, LOADED), ("GET", show.VERSION_PATH, VERSION))
"""What Ollama's clients ask beside prompts, of the server or of a model."""
_LISTS: Final = (LISTING, ONE_MODEL)
_ENDS: Final[tuple[tuple[str, str], ...]] = (
    ("/v1/messages", "anthropic_messages"),
    ("/anthropic", "anthropic_messages"),
    ("/v1beta", "gemini"),
    ("/gemini", "gemini"),
    ("/api/v1/ai", "raycast"),
    ("/raycast", "raycast"),
    ("/api/openai", "openai_chat"),
    ("/api", "ollama"),
    ("/ollama", "ollama"),
    ("/v2", "cohere"),
    ("/cohere", "cohere"),
    ("/model/", "bedrock_converse"),
    ("/bedrock", "bedrock_converse"),
    ("/v1/responses", "openai_responses"),
)
"""In whose form it is said that nothing is at a path, by how the path begins; else in OpenAI's."""

_BEFORE_MODEL: Final = ("/models/", "/tunedModels/", "/endpoints/")
"""What stands before the model's name in Gemini's form of path."""
_ASKED_BARE: Final = frozenset({"generateContent", "streamGenerateContent", "countTokens"})
"""Methods that are asked for without it too."""
_ASKS: Final = re.compile(r":[a-zA-Z]+$")
"""How a path ends that asks something of a model in Gemini's form."""
_MAX_KNOWN: Final = 4096
_LONGEST_KNOWN: Final = 512
"""Letters of a path that is remembered: callers choose paths, before anybody has looked at their key."""


class Face(msgspec.Struct, frozen=True):
    """A dialect as callers meet it. ``does`` is ``prompts`` or the name of an operation."""

    dialect: str
    does: str
    quirks: Quirks = NONE

    @property
    def speaks(self) -> Dialect:
        return dialect(self.dialect)

    def encode_error(self, error: DragomanError) -> Reply:
        """A failure in this face's form."""
        return self.speaks.encode_error(error, self.quirks) if self.dialect in NAMES else encode_error(self.dialect, error, self.quirks)

    @property
    def operation(self) -> Operation[object, object]:
        return operation(self.dialect, self.does)


class _Route(msgspec.Struct, frozen=True):
    pattern: re.Pattern[str]
    """Of the whole path; its group ``own`` is the dialect's part."""
    method: str
    face: Face
    path: str
    """As it is told to people."""
    is_customary: bool
    """Whether it is where the vendor has it; the others are for callers with another base URL."""


class Faces:
    """Finds the face of a call. Paths without a variable part are found by one look-up."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._routes = list(_all_routes(catalogue))
        self._known: dict[tuple[str, str], tuple[Face, int] | None] = {}

    def find(self, method: str, path: str, headers: Headers) -> tuple[Face, int] | None:
        """The face at a path (without query) and where its dialect's own part of the path begins. Raises ``NotAllowed``."""
        key = (method, path)
        found = self._known.get(key)
        if found is None:
            found = self._search(method, path, headers)
            if found is None:
                return None
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            if len(path) <= _LONGEST_KNOWN:
                self._known[key] = found
        face, start = found
        lister = _who_lists(headers) if face.does in _LISTS else None
        return (Face(lister, face.does), start) if lister else found

    def methods(self, path: str) -> set[str]:
        """What is taken at a path; nothing where nothing is served."""
        return {route.method for route, _ in self._hits(path)}

    def _search(self, method: str, path: str, headers: Headers) -> tuple[Face, int] | None:
        hits = self._hits(path)
        wanted = "GET" if method == "HEAD" else method
        for route, start in hits:
            if route.method == wanted:
                return route.face, start
        if not hits or (method == "POST" and hits[0][0].face.does == ONE_MODEL and _ASKS.search(path)):
            return None
        raise not_allowed(method, path, {route.method for route, _ in hits}, headers)

    def _hits(self, path: str) -> list[tuple[_Route, int]]:
        """The routes of a path. What is asked of a model is no model's name, though any text may be one."""
        hits = [(route, hit.start("own")) for route in self._routes if (hit := route.pattern.fullmatch(path))]
        return [hit for hit in hits if hit[0].face.does != ONE_MODEL] or hits

    def table(self) -> list[tuple[str, str, Face]]:
        """Method, customary path and face of everything that is served."""
        return [(route.method, route.path, route.face) for route in self._routes if route.is_customary]


def face_of(path: str) -> Face:
    """In whose form to say that a path is nobody's."""
    return Face(next((name for start, name in _ENDS if path.startswith(start)), "openai_chat"), PROMPTS)


def _who_lists(headers: Headers) -> str | None:
    """Several vendors have their list of models at the same path; their SDKs are told apart by a field of their own."""
    names = {name for name, _ in headers}
    if "anthropic-version" in names:
        return "anthropic_messages"
    return "gemini" if "x-goog-api-key" in names or "x-goog-api-client" in names else None


def _all_routes(catalogue: Catalogue) -> Iterator[_Route]:
    for name, bases in _BASES.items():
        yield from _routes(Face(name, PROMPTS), bases, dialect(name).PATH, dialect(name).ROUTES)
    responses = Face("openai_responses", KEPT)
    for method, path, pattern in _KEPT_PATHS:
        yield from _routes(responses, _OPENAI, path, (pattern,), method)
    for method, path, does in _OLLAMA_ABOUT:
        yield from _routes(Face("ollama", does), _BASES["ollama"], path, (re.escape(path),), method)
    for name in _ROWS:
        row = catalogue.provider(name)
        quirks = msgspec.convert(row.quirks, Quirks)
        path = quirks.path or dialect(row.dialect).PATH
        yield from _routes(Face(row.dialect, PROMPTS, quirks), (f"/{name}",), path, (re.escape(path),))
    for speaking, does in MODULES:
        module = operation(speaking, does)
        bases = _BASES.get(speaking, (f"/{speaking}/v1",))
        yield from _routes(Face(speaking, does), bases, module.PATH, module.ROUTES, "GET" if does == LISTING else "POST")
        if does == LISTING and speaking != "ollama":
            one = f"{re.escape(module.PATH)}/(?:.+)"
            yield from _routes(Face(speaking, ONE_MODEL), bases, f"{module.PATH}/{{model}}", (one,), "GET")


def _routes(face: Face, bases: tuple[str, ...], path: str, patterns: tuple[str, ...], method: str = "POST") -> Iterator[_Route]:
    for base in bases:
        for pattern in patterns:
            is_customary = base == bases[0] and pattern == patterns[0]
            yield _Route(re.compile(f"{re.escape(base)}(?P<own>{pattern})"), method, face, base + path, is_customary)


def with_whole_model(call: Call) -> Call:
    """``call`` with the model in Gemini's form of path as one segment: its SDKs leave the slash of ``provider/model`` as it is."""
    path, mark, query = call.url.partition("?")
    named, _, method = path.rpartition(":")
    if method in _ASKED_BARE:
        named = _with_models(named)
    begin = max(at + len(before) if (at := named.rfind(before)) >= 0 else 0 for before in _BEFORE_MODEL)
    if not begin or "/" not in named[begin:] or not (method.isascii() and method.isalpha()):
        return call
    url = f"{named[:begin]}{named[begin:].replace('/', '%2F')}:{method}{mark}{query}"
    return msgspec.structs.replace(call, url=url)


def _with_models(named: str) -> str:
    """``named`` with the ``models/`` that ``@ai-sdk/google`` leaves out before a name with a slash."""
    base = next((base for base in _BASES["gemini"] if named.startswith(f"{base}/")), None)
    if base is None or any(before in named for before in _BEFORE_MODEL):
        return named
    return f"{base}/models{named[len(base) :]}"


def own_call(call: Call, start: int) -> Call:
    """``call`` as the dialect reads it: its URL begins with the dialect's own path."""
    return msgspec.structs.replace(call, url=call.url[start:]) if start else call
