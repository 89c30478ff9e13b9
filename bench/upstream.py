"""nginx as a mock provider: one fixed chat completion, so that what is measured is the caller and not the answerer."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "scripts" / "install-debian.sh"
BODY = (
    '{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"gpt-4.1","choices":[{"index":0,"message":'
    '{"role":"assistant","content":"The Danube rises in the Black Forest and reaches the Black Sea after 2,850 kilometres; the Rhine '
    "runs from the Alps to the North Sea; the Vistula, the longest river of Poland, meets the Baltic near Danzig. All three have "
    'carried trade, armies and languages for two thousand years.","refusal":null,"annotations":[]},'
    '"logprobs":null,"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":14,"completion_tokens":62,"total_tokens":76,"prompt_tokens_details":{"cached_tokens":0}}}'
)
CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{body}'; }} }}
}}
"""


def find_nginx() -> str | None:
    """nginx's path, installed first where this machine allows it, or ``None``."""
    if shutil.which("nginx") is None and SCRIPT.exists():
        subprocess.run([str(SCRIPT), "nginx-light"], check=False)
    return shutil.which("nginx")


@contextmanager
def running(nginx: str, core: int | None) -> Iterator[int]:
    """The port of a running mock upstream, pinned to ``core`` where that is given."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        config = Path(folder) / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port, body=BODY))
        pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
        process = subprocess.Popen([*pinned, nginx, "-p", folder, "-c", str(config)])
        try:
            _await(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("bench: nginx did not come up")
