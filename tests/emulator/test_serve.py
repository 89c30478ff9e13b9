"""The emulator as a program of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dragoman
from dragoman.core.errors import UsageError
from dragoman.emulator import Emulator, serve
from tests.emulator.raw import ask, chat, dechunked, said

SOURCE = Path(dragoman.__file__).parents[1]

PROGRAM = """
import json, sys
from dragoman.emulator import serve

def ready(served):
    print(json.dumps(served), flush=True)

def asked(record):
    print(record, flush=True)

serve(["openai", "raycast"], port=0, scenario="echo", faults="stall-after=100", on_ready=ready, on_request=asked)
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SOURCE)}) as program:
        assert program.stdout
        served = json.loads(program.stdout.readline())
        assert [(name, variable) for name, _, variable in served] == [("openai", "OPENAI_BASE_URL"), ("raycast", "RAYCAST_BASE_URL")]

        assert said(dechunked(ask(served[0][1], chat()))) == "one two three"
        assert program.stdout.readline() == "POST /openai/v1/chat/completions 200 finished\n"

        program.send_signal(number)
        assert program.stdout.read() == "stopped\n"
        assert program.wait(10) == 0


def test_a_port_in_use_is_said_so() -> None:
    with Emulator("openai") as taken, pytest.raises(UsageError, match="another program has this port"):
        serve("openai", port=taken.port)


def test_a_host_that_is_not_loopback_is_refused() -> None:
    with pytest.raises(UsageError, match="only a loopback address"):
        serve("openai", "192.0.2.1")
