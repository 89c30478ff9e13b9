"""Failures that are also exceptions of the ``requests`` package, for programs that catch those. ``requests`` is not a dependency.

The contract of the legacy providers promises ``requests.exceptions.RequestException`` for HTTP and connection failures. Where the package
is installed, the error raised is a class of both trees; where it is not, no program can be catching its exceptions.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from dragoman.core.errors import ConnectFailed, DragomanError, ProviderError, StreamCut, TimedOut, TransportError

_NAMES: Final[tuple[tuple[type[DragomanError], str], ...]] = (
    (TimedOut, "Timeout"),
    (ConnectFailed, "ConnectionError"),
    (StreamCut, "ChunkedEncodingError"),
    (TransportError, "RequestException"),
    (ProviderError, "HTTPError"),
)


def as_requests_error(error: DragomanError) -> DragomanError:
    """``error`` as one of both trees, or as it is where ``requests`` is absent or the failure is neither HTTP's nor the network's."""
    name = next((name for kind, name in _NAMES if isinstance(error, kind)), "HTTPError" if error.status else None)
    own: type = type(error)
    both = _joined(own, name) if name else None
    if both is None:
        return error
    joined: DragomanError = OSError.__new__(both, error.message)  # what requests' classes are; ``BadRequest`` would find ValueError's
    joined.__dict__.update(error.__dict__, response=None, request=None)
    joined.args = (error.message,)
    return joined.with_traceback(error.__traceback__)


@cache
def _joined(kind: type, name: str) -> type | None:
    try:
        exceptions = import_module("requests.exceptions")
    except ImportError:
        return None
    own = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__reduce__": _reduce}
    return type(kind.__name__, (kind, getattr(exceptions, name)), own)


def _reduce(joined: DragomanError) -> tuple[object, ...]:
    """The class was made here and can be found under no name, so it is made again where the error arrives."""
    return _rejoin, (type(joined).__bases__[0], joined.message, joined.__dict__)


def _rejoin(kind: type[DragomanError], message: str, facts: dict[str, object]) -> DragomanError:
    error = kind(message)
    error.__dict__.update(facts)
    return as_requests_error(error)
