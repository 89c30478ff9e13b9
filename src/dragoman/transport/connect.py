"""From a target to a connection: names to addresses, a race over them, proxy and TLS handshakes. Written once for both drivers.

Law: addresses of both families are tried in turn, each given a quarter of a second before the next joins in, and the first to answer
wins (RFC 8305); every loser is closed, also when the caller gives up. What fails is ``ConnectFailed`` with the address and the reason.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Protocol, TypeVar

from dragoman.core.errors import ConnectFailed
from dragoman.transport.pool import Connection, Wire
from dragoman.transport.proxy import Handshake, Proxy, choose, tunnel
from dragoman.transport.settings import Settings
from dragoman.transport.target import Target, bracketed, packed_address
from dragoman.transport.tls import TlsContext, TlsWire
from dragoman.transport.waits import sooner

STAGGER_S = 0.25

Address = tuple[int, Any]
"""Family and socket address, as ``getaddrinfo`` gives them."""


class Dial(Protocol):
    """One connection attempt under way."""

    def outcome(self) -> OSError | None:
        """Why it failed; ``None`` when it stands."""

    def abandon(self) -> None:
        """Close it, whatever became of it."""


DialT = TypeVar("DialT", bound=Dial)


class Dialer(Protocol[DialT]):
    """What a driver does so that a connection comes about."""

    async def resolve(self, host: str, port: int, until: float | None) -> list[Address]:
        """All addresses of a name. Raises ``OSError``, or ``TimeoutError`` at ``until``."""

    def dial(self, address: Address) -> DialT: ...

    async def settled(self, dials: Sequence[DialT], until: float | None) -> list[DialT]:
        """Those that stand or failed, as soon as there are any; none at ``until``."""

    async def wire(self, dial: DialT) -> Wire:
        """The wire over a dial that stands."""

    async def straight(self, address: Address, until: float | None) -> Wire:
        """The wire to the only address that there is. Raises ``OSError``, or ``TimeoutError`` at ``until``."""


async def connect(
    dialer: Dialer[DialT],
    target: Target,
    settings: Settings,
    environ: Mapping[str, str],
    tls: TlsContext,
    until: float | None,
) -> Connection:
    """A connection to ``target``, through a proxy where one is set. Raises ``ConnectFailed``, or ``TimeoutError`` at ``until``."""
    proxy = choose(settings.proxy, settings.trust_env, environ, target)
    first = proxy or target
    wire = await _reach(dialer, first.host, first.port, until)
    try:
        if proxy is not None and proxy.scheme == "https":
            wire = await _secure(wire, tls, proxy.host, until)
        if proxy is not None and (target.secure or proxy.is_socks):
            await _shake_hands(wire, tunnel(proxy, target), proxy, until)
        if target.secure:
            wire = await _secure(wire, tls, target.host, until)
    except BaseException:
        wire.close()
        raise
    relayed = proxy is not None and not proxy.is_socks and not target.secure
    form = f"http://{target.authority}" if relayed else ""
    return Connection(wire, target.origin, form, proxy.authorization if proxy is not None and relayed else "")


async def _reach(dialer: Dialer[DialT], host: str, port: int, until: float | None) -> Wire:
    name = f"{bracketed(host)}:{port}"
    try:
        addresses = await _addresses(dialer, host, port, until)
        if len(addresses) == 1:
            return await dialer.straight(addresses[0], until)
        dial = await race(dialer, addresses, until)
    except TimeoutError:
        raise
    except socket.gaierror as error:
        passing = error.errno == socket.EAI_AGAIN
        raise ConnectFailed(f"the name {host} was not found: {reason(error)}", retryable=passing) from None
    except OSError as error:
        raise ConnectFailed(f"no connection to {name}: {reason(error)}") from None
    return await dialer.wire(dial)


async def _addresses(dialer: Dialer[DialT], host: str, port: int, until: float | None) -> list[Address]:
    packed = packed_address(host)
    if packed is not None:
        return [(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, (host, port))]
    return interleaved(await dialer.resolve(host, port, until))


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The families in turn, beginning with the family that the system put first (RFC 8305 section 4)."""
    if not addresses:
        return []
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for pair in zip_longest(first, others) for address in pair if address is not None]


async def race(dialer: Dialer[DialT], addresses: Sequence[Address], until: float | None) -> DialT:
    """The first dial that stands. Raises the ``OSError`` of the last, or ``TimeoutError`` at ``until``."""
    waiting = deque(addresses)
    pending: list[DialT] = []
    failure = OSError("the name has no address")
    try:
        while waiting or pending:
            if waiting:
                pending.append(dialer.dial(waiting.popleft()))
            stagger = time.monotonic() + STAGGER_S if waiting else None
            settled = await dialer.settled(pending, sooner(until, stagger))
            for dial in settled:
                error = dial.outcome()
                if error is None:
                    pending.remove(dial)
                    return dial
                failure = error
                pending.remove(dial)
                dial.abandon()
            if not settled and until is not None and time.monotonic() >= until:
                raise TimeoutError
    finally:
        for dial in pending:
            dial.abandon()
    raise failure


async def _shake_hands(wire: Wire, handshake: Handshake, proxy: Proxy, until: float | None) -> None:
    try:
        to_send = next(handshake)
        while True:
            await wire.send(to_send, until)
            to_send = handshake.send(await wire.receive(until))
    except StopIteration:
        return
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectFailed(f"the proxy {proxy.name} broke the connection: {reason(error)}") from None


async def _secure(wire: Wire, tls: TlsContext, host: str, until: float | None) -> Wire:
    import ssl

    context = tls.get()
    try:
        secured = TlsWire(wire, context, host.rstrip("."))
        await secured.handshake(until)
    except TimeoutError:
        raise
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate of {host} is not accepted: {error.verify_message or reason(error)}"
        raise ConnectFailed(text, retryable=False) from None
    except OSError as error:
        raise ConnectFailed(f"the TLS handshake with {host} failed: {reason(error)}") from None
    return secured


def reason(error: OSError) -> str:
    """The short words of an operating system or TLS error."""
    tls = getattr(error, "reason", None)
    if tls:
        return str(tls).replace("_", " ").lower()
    # asyncio writes a text of its own over the system's; the number still says it.
    number = error.errno or 0
    return os.strerror(number) if number > 0 else error.strerror or str(error) or type(error).__name__
