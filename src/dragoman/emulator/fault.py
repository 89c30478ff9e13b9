"""What goes wrong on request, as a value, and the one notation in which header, model suffix, command line and scenario file say it.

``status=429,retry-after=2`` is a list of faults with their numbers; ``FIELDS`` is every one there is. An *event* in these numbers is one
write of the dialect's encoder: a chunk of a stream as it stands on the wire. A whole answer is one event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from dragoman.catalogue.load import nearest
from dragoman.core.errors import UsageError


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Faults of one answer; ``Fault()`` is none. ``None`` everywhere means: this one does not happen. Raises ``UsageError``."""

    status: int | None = None
    """Answer with this failing status, in the dialect's form."""
    retry_after_s: float | None = None
    code: str | None = None
    """The vendor's word in the error of ``status`` or ``error_after``."""
    slow_start_s: float | None = None
    """Nothing at all is sent before."""
    stall_after: int | None = None
    """Silence after so many events; in the middle of a whole answer."""
    stall_s: float | None = None
    """How long the silence is; ``None`` lasts until the client leaves or the emulator stops."""
    cut_after: int | None = None
    """The connection is closed after so many bytes of the body."""
    malformed_after: int | None = None
    """The event after so many is broken JSON."""
    split: int | None = None
    """The body is written in pieces of so many bytes."""
    content_type: str | None = None
    """Stands in place of the right content type."""
    error_after: int | None = None
    """After so many events the dialect's own error event ends the answer, the status being 200."""
    no_end: bool = False
    """The end marker is left out; the HTTP answer is complete."""
    html: bool = False
    """A page of HTML in place of the answer, with ``status`` or 200."""
    empty: bool = False
    """Status 200 and no body."""
    passing: bool = False
    """What the provider's row describes as its passing fault."""
    times: int | None = None
    """Only so many requests are hit, then all is well."""

    def __post_init__(self) -> None:
        for name in _COUNTS:
            _check(name, getattr(self, name), 1 if name in _POSITIVE else 0)
        for name in _SECONDS:
            _check(name, getattr(self, name), 0)
        if self.status is not None and not (400 <= self.status <= 599 or (self.html and self.status == 200)):
            raise UsageError(f"fault: status={self.status} was given; a status from 400 to 599 is allowed (with html also 200)")
        if self.content_type is not None and not (self.content_type.isascii() and self.content_type.isprintable()):
            raise UsageError(f"fault: content-type={self.content_type!r} was given; printable ASCII is allowed")
        for name, needs in _NEEDS.items():
            if getattr(self, name) is not None and all(getattr(self, other) is None for other in needs):
                raise UsageError(f"fault: {_WORD[name]} was given alone; it is allowed with {' or '.join(_WORD[other] for other in needs)}")
        bodies = [_WORD[name] for name in ("html", "empty", "passing") if getattr(self, name)]
        if self.status is not None and not self.html:
            bodies.insert(0, "status")
        if len(bodies) > 1:
            raise UsageError(f"fault: {' and '.join(bodies)} were given; only one of them is allowed at a time")

    @property
    def replaces(self) -> bool:
        """Whether something else is sent in place of the scenario's answer."""
        return self.status is not None or self.html or self.empty or self.passing

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault that ``text`` describes, such as ``status=429,retry-after=2``. Raises ``UsageError`` that names what is allowed."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        if not words:
            raise UsageError(f"fault: {text!r} was given; {_allowed()} is allowed")
        return _build((word.partition("=")[0].strip(), word.partition("=")[2].strip() if "=" in word else None) for word in words)

    @classmethod
    def of(cls, given: Fault | str | Mapping[str, object]) -> Fault:
        """A fault, its description, or a table such as a scenario file's ``{status = 429, retry-after = 2}``. Raises ``UsageError``."""
        if isinstance(given, Fault):
            return given
        if isinstance(given, str):
            return cls.parse(given)
        if not isinstance(given, Mapping):
            raise UsageError(f"fault: {given!r} was given; a description such as 'status=429,retry-after=2' is allowed")
        return _build((name, None if value is True else str(value)) for name, value in given.items() if value is not False)


_COUNTS: Final = ("stall_after", "cut_after", "malformed_after", "error_after", "split", "times")
_POSITIVE: Final = ("split", "times")
_SECONDS: Final = ("retry_after_s", "slow_start_s", "stall_s")
_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "retry_after_s": ("status",),
    "code": ("status", "error_after"),
    "stall_s": ("stall_after",),
}


def _check(name: str, value: object, least: int) -> None:
    if value is None:
        return
    fits = isinstance(value, int if name in _COUNTS else (int, float)) and not isinstance(value, bool)
    if not fits or not least <= value < float("inf"):  # type: ignore[operator]  # it is a number where fits holds
        kind = "a whole number" if name in _COUNTS else "a number of seconds"
        raise UsageError(f"fault: {_WORD[name]}={value} was given; {kind} from {least} on is allowed")


class _Field(msgspec.Struct, frozen=True):
    attribute: str
    read: Callable[[str], object] | None
    """How the value is read; ``None`` for a word that stands alone."""
    shown: str


FIELDS: Final[dict[str, _Field]] = {
    "status": _Field("status", int, "status=NNN"),
    "retry-after": _Field("retry_after_s", float, "retry-after=SECONDS"),
    "code": _Field("code", str, "code=WORD"),
    "slow-start": _Field("slow_start_s", float, "slow-start=SECONDS"),
    "stall-after": _Field("stall_after", int, "stall-after=EVENTS"),
    "stall": _Field("stall_s", float, "stall=SECONDS"),
    "cut-after": _Field("cut_after", int, "cut-after=BYTES"),
    "malformed-after": _Field("malformed_after", int, "malformed-after=EVENTS"),
    "split": _Field("split", int, "split=BYTES"),
    "content-type": _Field("content_type", str, "content-type=TYPE"),
    "error-after": _Field("error_after", int, "error-after=EVENTS"),
    "no-end": _Field("no_end", None, "no-end"),
    "html": _Field("html", None, "html"),
    "empty": _Field("empty", None, "empty"),
    "passing-fault": _Field("passing", None, "passing-fault[=TIMES]"),
    "times": _Field("times", int, "times=REQUESTS"),
}
_WORD: Final = {field.attribute: word for word, field in FIELDS.items()}


def _allowed() -> str:
    return "a list of " + ", ".join(field.shown for field in FIELDS.values())


def _build(pairs: Iterable[tuple[str, str | None]]) -> Fault:
    told: dict[str, object] = {}
    for word, value in pairs:
        field = FIELDS.get(word)
        if field is None:
            raise UsageError(f"fault: {word!r} is not known; {nearest(word, list(FIELDS))} ({_allowed()} is allowed)")
        if word == "passing-fault" and value is not None:
            told["times"] = _read(word, FIELDS["times"], value)
            value = None
        told[field.attribute] = _read(word, field, value)
    if told.get("passing"):
        told.setdefault("times", 1)
    return msgspec.structs.replace(Fault(), **told)


def _read(word: str, field: _Field, value: str | None) -> object:
    if field.read is None:
        if value is not None:
            raise UsageError(f"fault: {word}={value} was given; {field.shown} is allowed")
        return True
    try:
        if value:
            return field.read(value)
    except ValueError:
        pass
    raise UsageError(f"fault: {word}={value or ''} was given; {field.shown} is allowed")
