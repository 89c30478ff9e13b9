"""Azure on this machine: who gives tokens to applications, workloads and machines, and a model that takes them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.library.cloud import ANSWERS, Asked, parsed
from tests.library.servers import answer, listening, read_request

FEDERATED: Final = "very.secret.federated"
HEADER: Final = "very-secret-header"
RESOURCE: Final = "https://cognitiveservices.azure.com"


@dataclass
class Azure:
    """What it gives, and all that it was asked."""

    url: str = ""
    lifetime_s: float = 3600.0
    has_identity: bool = True
    """Whether the machine has one."""
    failing: list[tuple[int, bytes]] = field(default_factory=list)
    """Status and body of the next answers to who wants a token."""
    asked: list[Asked] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    """The token or key of each call to the model."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def wanted(self) -> list[Asked]:
        return [asked for asked in self.asked if not asked.path.startswith("/openai/")]

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(self._reply(parsed(read_request(connection))))

    def _reply(self, asked: Asked) -> bytes:
        with self._lock:
            self.asked.append(asked)
            if asked.path.startswith("/openai/"):
                self.used.append(asked.headers.get("authorization", "").removeprefix("Bearer ") or asked.headers["api-key"])
                return answer(json.dumps(ANSWERS["completions"]).encode(), "application/json")
            if self.failing:
                status, body = self.failing.pop(0)
                return answer(body, "application/json", status=status)
            return self._given(asked)

    def _given(self, asked: Asked) -> bytes:
        address = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        told = self._tokens(address.path, query, asked)
        if told is None:
            fault = {"error": "invalid_request", "error_description": "Identity not found"}
            return answer(json.dumps(fault).encode(), "application/json", status=400)
        return answer(json.dumps(told).encode(), "application/json")

    def _tokens(self, path: str, query: dict[str, str], asked: Asked) -> dict[str, object] | None:
        ends = str(int(time.time() + self.lifetime_s))
        form = asked.form if asked.method == "POST" else {}
        match path:
            case "/tenant/oauth2/v2.0/token" if form.get("client_assertion") == FEDERATED:
                assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                assert form["scope"] == f"{RESOURCE}/.default"
                return {"access_token": f"token-workload-{form['client_id']}", "expires_in": int(self.lifetime_s)}
            case "/metadata/identity/oauth2/token" if self.has_identity and asked.headers.get("metadata") == "true":
                assert (query["api-version"], query["resource"]) == ("2018-02-01", RESOURCE)
                name = query.get("client_id", "own")
                return {"access_token": f"token-machine-{name}", "expires_in": str(int(self.lifetime_s)), "expires_on": ends}
            case "/msi/token" if asked.headers.get("x-identity-header") == HEADER:
                assert (query["api-version"], query["resource"]) == ("2019-08-01", RESOURCE)
                return {"access_token": f"token-app-{query.get('client_id', 'own')}", "expires_on": ends}
            case "/msi/token" if asked.headers.get("secret") == HEADER:
                assert (query["api-version"], query["resource"]) == ("2017-09-01", RESOURCE)
                return {"access_token": f"token-ml-{query.get('clientid', 'own')}", "expires_on": ends}
            case "/shell" if asked.headers.get("metadata") == "true":
                assert form == {"resource": RESOURCE}
                return {"access_token": "token-shell", "expires_on": ends}
        return None


@contextmanager
def serving() -> Iterator[Azure]:
    azure = Azure()
    with listening(azure.serve) as url:
        azure.url = url
        yield azure
