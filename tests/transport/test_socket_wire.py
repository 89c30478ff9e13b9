"""What a wire over a socket holds back is sent before what is offered after it."""

from __future__ import annotations

import socket

from dragoman.transport.sync import SocketWire, run

MUCH = b"a" * 8_000_000


def test_what_is_offered_follows_what_has_not_left_yet() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        theirs.settimeout(5)
        wire = SocketWire(ours)
        theirs.send(b"input")
        assert run(wire.send(MUCH, None)) is False
        assert wire.offer(b"end") is False
        got = b""
        while len(got) < len(MUCH) + 3:
            got += theirs.recv(1_000_000)
            run(wire.send(b"", None))
        assert got == MUCH + b"end"
        assert wire.look(None) == b"input"
        wire.close()


def test_what_is_offered_in_full_has_left_and_the_rest_is_kept() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        wire = SocketWire(ours)
        assert wire.offer(b"little") is True
        assert theirs.recv(100) == b"little"
        assert wire.idle()
        assert wire.offer(MUCH) is False
        assert not wire.idle()
        wire.close()
