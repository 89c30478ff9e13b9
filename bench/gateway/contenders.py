"""Who is measured: the programs, how each is started in front of a provider, and what is asked of it."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple

from bench.gateway import nginx
from bench.gateway.machine import Cores, Failed, Program, free_port, running
from bench.gateway.mock import ANTHROPIC_MODEL, OPENAI_MODEL, Ask, ask

LITELLM_START_S: Final = 120.0
KEY_VARIABLE: Final = "DRAGOMAN_BENCH_KEY"
DRAGOMAN: Final = """
listen = "127.0.0.1:{port}"

[providers.mock-openai]
dialect = "openai_chat"
base_url = "http://127.0.0.1:{behind}/v1"
key = "sk-upstream"

[providers.mock-anthropic]
dialect = "anthropic_messages"
base_url = "http://127.0.0.1:{behind}"
key = "sk-upstream"

[models."gpt-4.1"]
targets = ["mock-openai/gpt-4.1"]

[models."claude-sonnet-4-5"]
targets = ["mock-anthropic/claude-sonnet-4-5"]

[keys.bench]
key = "${{{variable}}}"

[log]
access = "{access}"
"""
LITELLM: Final = {
    "model_list": [
        {"model_name": OPENAI_MODEL, "litellm_params": {"model": f"openai/{OPENAI_MODEL}", "api_base": "{base}", "api_key": "sk-upstream"}}
    ],
    "litellm_settings": {"telemetry": False},
}


class Place(NamedTuple):
    """Where programs are started: cores, a folder for their files, and the port of the provider behind them."""

    cores: Cores
    folder: Path
    behind: int
    streams: bool
    """Whether that provider streams."""
    key: str
    """What callers show."""
    files: int
    """How many a program may open; each stream takes a gateway two of them."""


Start = Callable[[Place], AbstractContextManager[Program]]


def start_nginx(place: Place) -> AbstractContextManager[Program]:
    port = free_port()
    command = nginx.write(place.folder, f"proxy-{port}", nginx.proxy(port, place.behind, streams=place.streams), place.files)
    return running(command, port, place.cores.gateway, place.folder / f"nginx-{port}.log")


def start_relay(place: Place) -> AbstractContextManager[Program]:
    port = free_port()
    command = [sys.executable, "-m", "bench.gateway.relay", str(port), str(place.behind)]
    return running(command, port, place.cores.gateway, place.folder / f"relay-{port}.log")


def start_dragoman(access: str) -> Start:
    """The gateway as a user starts it, with its access log as ``access`` says."""

    def start(place: Place) -> AbstractContextManager[Program]:
        port = free_port()
        config = place.folder / f"dragoman-{port}.toml"
        config.write_text(DRAGOMAN.format(port=port, behind=place.behind, variable=KEY_VARIABLE, access=access))
        command = [sys.executable, "-m", "dragoman", "serve", "--config", str(config), "--port", str(port)]
        environment = {KEY_VARIABLE: place.key, "DRAGOMAN_HOME": str(place.folder)}
        return running(command, port, place.cores.gateway, place.folder / f"dragoman-{port}.log", environment=environment)

    return start


def start_litellm(program: Path) -> Start:
    """LiteLLM's proxy with one worker, from an environment of its own."""

    def start(place: Place) -> AbstractContextManager[Program]:
        port = free_port()
        config = place.folder / f"litellm-{port}.yaml"
        config.write_text(json.dumps(LITELLM).replace("{base}", f"http://127.0.0.1:{place.behind}/v1"))  # JSON is YAML
        command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": place.key, "LITELLM_LOG": "ERROR"}
        log = place.folder / f"litellm-{port}.log"
        return running(command, port, place.cores.gateway, log, environment=environment, within_s=LITELLM_START_S)

    return start


def servers(litellm: Path | None = None) -> Mapping[str, Start]:
    """By name."""
    known = {"nginx": start_nginx, "relay": start_relay, "dragoman": start_dragoman("off"), "dragoman-log": start_dragoman("json")}
    return known | ({"litellm": start_litellm(litellm)} if litellm is not None else {})


class Contender(NamedTuple):
    """A row of the tables: a server, and what is asked of it."""

    name: str
    server: str
    face: str = "openai"
    model: str = OPENAI_MODEL
    kind: str = "yardstick"
    """Which bars it is held against."""
    streams: bool = True
    """Whether it is asked for streams too."""

    def ask(self, key: str, *, stream: bool = False) -> Ask:
        return ask(self.face, self.model, key, stream=stream)


DIRECT: Final = Contender("direct to the provider", "provider")
NGINX: Final = Contender("nginx as reverse proxy", "nginx")
PASS: Final = Contender("dragoman, passed through", "dragoman", kind="pass-through")
GATEWAYS: Final = (
    Contender("hand-written relay, no keys", "relay"),
    PASS,
    Contender("dragoman, passed through, access log on", "dragoman-log", kind="pass-through", streams=False),
    Contender("dragoman, Anthropic in, OpenAI out", "dragoman", face="anthropic", kind="translated"),
    Contender("dragoman, OpenAI in, Anthropic out", "dragoman", model=ANTHROPIC_MODEL, kind="translated"),
)
LITELLM_ROW: Final = Contender("LiteLLM's proxy, one worker", "litellm", kind="incumbent", streams=False)


def check(contender: Contender, port: int, key: str) -> None:
    """One call whose answer is read, as the speed of refusals is worth nothing."""
    wanted = contender.ask(key)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", wanted.path, wanted.body, {**wanted.headers, "content-type": "application/json"})
        reply = connection.getresponse()
        body = reply.read()
    finally:
        connection.close()
    if reply.status != 200 or said(contender.face, body) is None:
        raise Failed(f"{contender.name} answers {reply.status}: {body[:400].decode(errors='replace')}")


def said(face: str, body: bytes) -> str | None:
    """The words of an answer in the dialect ``face``; ``None`` where it is no such answer."""
    try:
        value = json.loads(body)
        text = value["choices"][0]["message"]["content"] if face == "openai" else value["content"][0]["text"]
    except (ValueError, LookupError, TypeError):
        return None
    return text if isinstance(text, str) and text else None
