"""nginx twice: as the provider that answers at once, and as the reverse proxy that every figure is held against."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.gateway.mock import answers

FRAME: Final = """
daemon off; worker_processes 1; worker_rlimit_nofile {files}; pid {folder}/{name}.pid; error_log stderr crit;
events {{ worker_connections {connections}; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{inner}
}}
"""
PROVIDER: Final = "  server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json;\n{locations}\n  }}"
LOCATION: Final = "    location = {path} {{ return 200 '{body}'; }}"
PROXY: Final = """
  upstream provider {{ server 127.0.0.1:{behind}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 1h; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider; proxy_http_version 1.1; proxy_buffering {buffering};
      proxy_set_header Connection ""; proxy_set_header Authorization "Bearer sk-upstream";
    }}
  }}
"""


def provider(port: int) -> str:
    locations = "\n".join(LOCATION.format(path=path, body=body) for path, body in answers().items())
    return PROVIDER.format(port=port, locations=locations)


def proxy(port: int, behind: int, *, streams: bool) -> str:
    return PROXY.format(port=port, behind=behind, buffering="off" if streams else "on")


def write(folder: Path, name: str, inner: str, files: int) -> list[str]:
    """The command that serves ``inner``."""
    config = folder / f"{name}.conf"
    connections = files * 5 // 4  # it hangs up on the idle where fewer than a sixteenth of its connections are free
    config.write_text(FRAME.format(folder=folder, name=name, inner=inner, files=files, connections=connections))
    return ["nginx", "-p", str(folder), "-c", str(config)]
