"""What a dialect is: one wire protocol, spoken in both roles, as pure functions of a module.

``ClientRole`` is how we call an upstream, ``ServerRole`` how someone calls us. A module that has both gives a provider, a gateway face and
an emulator. Every dialect module reads in the same order: docstring with the wire's documentation, tables, ``encode_request``,
``decode_request``, decoder, encoder, errors.
"""

from __future__ import annotations

from typing import Protocol

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Decoder, Encoder, Reply
from dragoman.core.request import Request
from dragoman.wire.quirks import Quirks


class ClientRole(Protocol):
    """Calling an upstream."""

    def encode_request(self, request: Request, quirks: Quirks) -> Call:
        """The call, its URL being the path below the provider's base. Raises ``UsageError`` for what cannot be said at all."""

    def decoder(self, streaming: bool, quirks: Quirks) -> Decoder:
        """A decoder for one answer; ``streaming`` tells the form in which the answer came, not the one asked for."""

    def read_whole(self, body: bytes, quirks: Quirks) -> list[Event]:
        """All events of an answer that came whole. Raises the error that it tells, or ``BadReply``."""

    def decode_error(self, reply: Reply, quirks: Quirks) -> DragomanError:
        """The error that an answer with a failing status means."""


class ServerRole(Protocol):
    """Being called."""

    def decode_request(self, call: Call, quirks: Quirks) -> Request:
        """What the caller asks. Raises ``BadRequest`` that names the field."""

    def encoder(self, request: Request, quirks: Quirks) -> Encoder:
        """An encoder for the answer to ``request``, streamed or whole as it asked."""

    def encode_error(self, error: DragomanError, quirks: Quirks) -> Reply:
        """A whole answer that tells the failure in the dialect's own form."""


class Dialect(ClientRole, ServerRole, Protocol):
    """Both roles, and where the dialect is served below a provider's base."""

    @property
    def PATH(self) -> str:  # noqa: N802  a module's constant
        """The path, or for a dialect with the model in its path a template of it."""

    @property
    def ROUTES(self) -> tuple[str, ...]:  # noqa: N802  likewise
        """Regular expressions that match, whole, the paths that ``decode_request`` understands."""
