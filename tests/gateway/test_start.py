"""What a process of the gateway loads when it starts, and what only when somebody wants it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SERVE = """
import asyncio, os, signal, sys, threading
from dragoman.gateway.serving import run, serve
from dragoman.gateway.setup import Start
from dragoman.settings import Surroundings

def ready(application, port):
    print(*sorted({name for name in sys.modules} & WATCHED), sep=",")
    asyncio.get_running_loop().call_soon(look)

def look():
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()
    print(*sorted({name for name in sys.modules} & WATCHED), sep=",")
    os.kill(os.getpid(), signal.SIGTERM)

WATCHED = {"genai_prices.data", "sqlite3", "multiprocessing", "dragoman.client"}
start = Start(path=sys.argv[1])
run(serve(lambda: start.read(Surroundings({"DRAGOMAN_HOME": "/nonexistent"})), "127.0.0.1", 0, ready=ready))
"""


def loaded(folder: Path, file: str) -> tuple[str, str]:
    """What of the weighty modules is there when it listens, and when it has nothing more to do."""
    path = folder / "dragoman.toml"
    path.write_text(file)
    done = subprocess.run([sys.executable, "-c", SERVE, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    at_start, idle = done.stdout.splitlines()
    return at_start, idle


@pytest.mark.parametrize(
    ("provider", "then"),
    [('[providers.openai]\nkey = "any-key"\n', "genai_prices.data"), ("[providers.ollama]\n", "")],
    ids=["with prices", "without"],
)
def test_prices_are_loaded_behind_the_listener_and_not_by_the_first_request(tmp_path: Path, provider: str, then: str) -> None:
    assert loaded(tmp_path, provider) == ("", then)
