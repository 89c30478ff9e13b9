"""Every fault once, asked of an emulated provider behind its model's name; and what the caller gets for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dragoman.cli.demonstration.script import LAST_WORDS, count
from dragoman.cli.demonstration.ways import KEY
from dragoman.client import Client
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Timeouts

if TYPE_CHECKING:
    from dragoman.emulator import Emulator

PATIENCE_S: Final = 0.4
NOWHERE: Final = "http://127.0.0.1:9"
"""The discard port, on which nothing listens."""

NONE: Final = "none"

_ON_THE_WIRE: Final = (
    ("status=401", "the key is refused", "AuthFailed"),
    ("status=403", "the key may not do this", "PermissionDenied"),
    ("status=404", "no such model", "ModelNotFound"),
    ("status=429,retry-after=2", "too many requests", "RateLimited"),
    ("status=500", "the provider fails", "ServerFault"),
    ("status=503", "the provider is overloaded", "Overloaded"),
    ("slow-start=5", "no answer in time", "TimedOut"),
    ("stall-after=9,stall=5", "silence in the middle", "TimedOut"),
    ("cut-after=1500", "the connection is cut", "StreamCut"),
    ("malformed-after=9", "broken JSON", "BadReply"),
    ("error-after=9", "an error inside the answer", "ServerFault"),
    ("no-end", "the end is missing", "StreamCut"),
    ("content-type=text/html", "the wrong content type", "BadReply"),
    ("html", "a page in place of an answer", "BadReply"),
    ("empty", "nothing at all", "BadReply"),
    ("split=1", "every byte by itself", NONE),
)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a fault; ``is_expected`` where it is the error that it should be and no word was lost or invented."""

    what: str
    asked: str
    error: str
    message: str
    kept: str
    is_expected: bool


def outcomes(emulator: Emulator) -> Iterator[Outcome]:
    """Each fault in turn, without retries so that its own error is seen; then one that passes when it is tried again."""
    with _client(emulator, max_retries=0) as client:
        for fault, what, error in _ON_THE_WIRE:
            yield _try(client, what, fault, error, f"openai/gpt-4.1-mini!{fault}")
        with Client(base_urls={"openai": NOWHERE}, keys={"openai": KEY}, max_retries=0) as lost:
            yield _try(lost, "nothing listens there", "(a closed port)", "ConnectFailed", "openai/gpt-4.1-mini")
        yield _try(client, "no such provider", '"opnai/gpt-4.1"', "UnknownModel", "opnai/gpt-4.1")
        yield _try(client, "a wrong argument", 'temperature="hot"', "UsageError", "openai/gpt-4.1-mini", temperature="hot")
    alone = {"DRAGOMAN_HOME": os.environ.get("DRAGOMAN_HOME", "")}
    with Client(environment=alone, base_urls={"raycast": emulator.url("raycast")}) as keyless:
        yield _try(keyless, "no key", "Raycast without one", "MissingKey", "raycast/gpt-4")
    with _client(emulator, max_retries=2, patience_s=30.0) as patient:  # a retry is made only where its wait fits into the patience
        yield _try(patient, "passes by itself", "passing-fault", NONE, "lockchat/gpt-4!passing-fault")


def _client(emulator: Emulator, max_retries: int, patience_s: float = PATIENCE_S) -> Client:
    names = [mount.name for mount in emulator.mounts]
    timeouts = Timeouts(connect_s=patience_s, first_byte_s=patience_s, between_bytes_s=patience_s)
    return Client(
        base_urls={name: emulator.url(name) for name in names}, keys=dict.fromkeys(names, KEY), timeout=timeouts, max_retries=max_retries
    )


def _try(client: Client, what: str, asked: str, expected: str, model: str, **options: Any) -> Outcome:
    try:
        with client.stream(model, "What is kept?", **options) as stream:
            text = stream.finish().text
    except DragomanError as error:
        text = error.partial.text if error.partial else ""
        name, message = type(error).__name__, _message(error)
        return Outcome(what, asked, name, message, _share(text), name == expected and LAST_WORDS.startswith(text))
    return Outcome(what, asked, NONE, "the answer is whole", _share(text), expected == NONE and text == LAST_WORDS)


def _message(error: DragomanError) -> str:
    words = " ".join(error.message.split())
    return f"{words}; ask again in {error.retry_after_s:g} s" if error.retry_after_s else words


def _share(text: str) -> str:
    return f"{count(text)} of {count(LAST_WORDS)}" if text else "–"
