"""An HTTP/1.1 server on asyncio and llhttp: calls in, answers out. It knows nothing of dialects, keys or models."""

from dragoman.server.answer import Answer, Arrivals, BrokenOff, Handler, Pieces
from dragoman.server.limits import Limits
from dragoman.server.listener import Listener

__all__ = ["Answer", "Arrivals", "BrokenOff", "Handler", "Limits", "Listener", "Pieces"]
