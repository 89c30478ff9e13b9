"""Real servers from Debian's packages, run from temporary folders on free loopback ports."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from .servers import PATIENCE_S, closed_port

_INSTALL = Path(__file__).parents[2] / "scripts" / "install-debian.sh"
_PLACES = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


def program(name: str, package: str) -> str:
    """The path of a program; its package is installed where it is missing, and the test skipped where that cannot be."""
    found = shutil.which(name, path=_PLACES)
    if found is None:
        subprocess.run([str(_INSTALL), package], check=False, capture_output=True)
        found = shutil.which(name, path=_PLACES)
    if found is None:
        pytest.skip(f"Debian's package {package} is not installed and could not be")
    return found


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A program in the foreground, from when it listens until it has ended."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _await_listening(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _await_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(500):
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), PATIENCE_S):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            break
    raise RuntimeError(f"{process.args!r} does not listen: {log.read_text()}")


class Nginx:
    """Ports of one nginx. Each answers ``connection requests method path`` of the request, so reuse can be seen."""

    def __init__(self, ports: dict[str, int], ca_file: str) -> None:
        self.ports = ports
        self.ca_file = ca_file

    def url(self, kind: str, path: str = "/", host: str = "127.0.0.1") -> str:
        scheme = "https" if kind in ("tls", "client_cert") else "http"
        return f"{scheme}://{host}:{self.ports[kind]}{path}"


_SERVER = """
server {{
  listen 127.0.0.1:{port} {tls};
  {options}
  location / {{ default_type text/plain; return 200 "$connection $connection_requests $request_method $uri"; }}
  location /gzip {{ gzip on; gzip_min_length 1; gzip_types text/plain; default_type text/plain; root {root}; }}
  location /moved {{ return 302 http://127.0.0.1:1/; }}
  location /empty {{ return 204; }}
}}
"""

_CONFIG = """
daemon off; {user} worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 1m;
  client_body_temp_path {root}/1; proxy_temp_path {root}/2; fastcgi_temp_path {root}/3;
  uwsgi_temp_path {root}/4; scgi_temp_path {root}/5;
  ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.pem;
  {servers}
}}
"""

_KINDS = {
    "plain": "",
    "two_requests": "keepalive_requests 2;",
    "short": "keepalive_timeout 20ms;",
    "tls": "",
    "client_cert": "ssl_verify_client on; ssl_client_certificate {root}/ca.pem;",
}


@contextlib.contextmanager
def nginx(root: Path, authority: trustme.CA) -> Iterator[Nginx]:
    """nginx with every kind of server the tests ask for."""
    binary = program("nginx", "nginx-light")
    authority.cert_pem.write_to_path(str(root / "ca.pem"))
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(root / "server.pem"))
    (root / "gzip").mkdir()
    (root / "gzip" / "text").write_text("squeeze me " * 20_000)
    root.chmod(0o755)
    ports = {kind: closed_port() for kind in _KINDS}
    servers = "".join(
        _SERVER.format(port=ports[kind], tls="ssl" if kind in ("tls", "client_cert") else "", options=options.format(root=root), root=root)
        for kind, options in _KINDS.items()
    )
    user = "user root;" if os.getuid() == 0 else ""
    (root / "nginx.conf").write_text(_CONFIG.format(root=root, servers=servers, user=user))
    command = [binary, "-p", str(root), "-e", str(root / "start.log"), "-c", str(root / "nginx.conf")]
    with running(command, ports["plain"], root / "output.log"):
        yield Nginx(ports, str(root / "ca.pem"))


class ProxyProgram:
    """A running proxy. ``log`` is what it wrote down so far."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def tinyproxy(root: Path, login: str = "") -> Iterator[ProxyProgram]:
    """An HTTP proxy; ``login`` is user and password."""
    binary, port = program("tinyproxy", "tinyproxy"), closed_port()
    lines = [f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "MaxClients 50", "LogLevel Connect", f'LogFile "{root}/tinyproxy.log"']
    lines += [f"BasicAuth {login}"] if login else []
    (root / "tinyproxy.conf").write_text("\n".join(lines) + "\n")
    with running([binary, "-d", "-c", str(root / "tinyproxy.conf")], port, root / "output.log"):
        yield ProxyProgram(port, root / "tinyproxy.log")


@contextlib.contextmanager
def microsocks(root: Path, login: tuple[str, str] | None = None) -> Iterator[ProxyProgram]:
    """A SOCKS5 proxy."""
    binary, port = program("microsocks", "microsocks"), closed_port()
    options = ["-u", login[0], "-P", login[1]] if login else []
    with running([binary, "-i", "127.0.0.1", "-p", str(port), *options], port, root / "microsocks.log"):
        yield ProxyProgram(port, root / "microsocks.log")
