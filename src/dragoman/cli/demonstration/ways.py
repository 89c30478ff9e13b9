"""The five ways to call a provider. Each sends the conversation for real and hands on what comes, piece by piece."""

from __future__ import annotations

import asyncio
import codecs
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.client import AsyncClient, Client
from dragoman.core.errors import ProviderError

KEY: Final = "demo-key"
Turns: TypeAlias = list[dict[str, str]]
Say: TypeAlias = Callable[[str], None]


class Act(msgspec.Struct, frozen=True):
    """One question to one provider, with what was said before it."""

    row: Provider
    url: str
    turns: Turns

    @property
    def model(self) -> str:
        return f"{self.row.name}/{self.row.default_model}"

    @property
    def settings(self) -> dict[str, Any]:
        return {"keys": {self.row.name: KEY}, "base_urls": {self.row.name: self.url}}


def library(act: Act, say: Say) -> None:
    """The library."""
    with Client(**act.settings) as client, client.stream(act.model, act.turns) as stream:
        for event in stream:
            say(event.text)


def async_library(act: Act, say: Say) -> None:
    """The library in an event loop."""

    async def run() -> None:
        async with AsyncClient(**act.settings) as client, client.stream(act.model, act.turns) as stream:
            async for event in stream:
                say(event.text)

    asyncio.run(run())


def contract(act: Act, say: Say) -> None:
    """The class of the provider, as the legacy contract has it."""
    import dragoman.providers

    provider = getattr(dragoman.providers, act.row.name.capitalize())
    for piece in provider.create_completion(model=act.row.default_model, messages=act.turns, stream=True, auth=KEY, base_url=act.url):
        say(piece)


def command_line(act: Act, say: Say) -> None:
    """The command, as a process of its own. It is asked once and knows no earlier turns."""
    command = [sys.executable, "-m", "dragoman.cli", "chat", "--model", act.model, "--base-url", act.url, act.turns[-1]["content"]]
    variables = dict.fromkeys(act.row.auth.variables[:1], KEY)
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        decoder = codecs.getincrementaldecoder("utf-8")()
        while data := os.read(process.stdout.fileno(), 65_536):
            say(decoder.decode(data).removesuffix("\n"))
        told = process.stderr.read().decode()
    if process.returncode:
        raise ProviderError(told.strip(), provider=act.row.name)


def openai_shape(act: Act, say: Say) -> None:
    """OpenAI's shape."""
    with Client(**act.settings) as client:
        for chunk in client.chat.completions.create(model=act.model, messages=act.turns, stream=True):
            if chunk.choices:
                say(chunk.choices[0].delta.content or "")


class Way(msgspec.Struct, frozen=True):
    """A way with its name and the code that shows it."""

    name: str
    code: str
    run: Callable[[Act, Say], None]


WAYS: Final = (
    Way("library", 'client.stream("{model}", messages)', library),
    Way("library, async", 'async for event in client.stream("{model}", messages)', async_library),
    Way("contract", "{provider}.create_completion(model, messages, stream=True)", contract),
    Way("command line", '$ dragoman chat -m {model} "{question}"', command_line),
    Way("OpenAI's shape", "client.chat.completions.create(model, messages, stream=True)", openai_shape),
)
