"""Installs and starts aimock, llmock and steady. ``DRAGOMAN_UPSTREAMS=1``, or naming this folder, runs the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-upstreams"
NPM = {"aimock": ("@copilotkit/aimock@1.43.0", "llmock"), "steady": ("@stdy/cli@0.22.2", "steady")}
LLMOCK = "llmock==0.2.2"
PATIENCE_S = 300
CONNECTS = 7


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Left out unless asked for."""
    asked = os.environ.get("DRAGOMAN_UPSTREAMS") or any("upstreams" in given for given in config.args)
    return None if asked else True


def install(name: str, command: list[str], found: Path) -> Path:
    if not found.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
        except (OSError, subprocess.SubprocessError) as fault:
            pytest.skip(f"{name} cannot be installed: {fault}")
    return found


def from_npm(name: str) -> Path:
    package, program = NPM[name]
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"{name} cannot be installed: there is no npm")
    folder = CACHE / name
    return install(name, [npm, "install", "--prefix", str(folder), package], folder / "node_modules" / ".bin" / program)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int) -> Iterator[str]:
    """The address of a server while it runs."""
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=CONNECTS)) as client:  # each waits longer than the one before
                client.get(address)
            yield address
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def aimock() -> Iterator[str]:
    port = free_port()
    with running([str(from_npm("aimock")), "-p", str(port), "-f", str(HERE / "fixtures")], port) as address:
        yield address


@pytest.fixture(scope="session")
def llmock() -> Iterator[str]:
    folder = CACHE / "llmock"
    program = folder / "bin" / "llmock"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
    install("llmock", [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", LLMOCK], program)
    port = free_port()
    with running([str(program), "serve", "-p", str(port), "--log-level", "error"], port) as address:
        yield address
