"""Azure on this machine: who gives tokens to applications, workloads and machines, and a model that takes them."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.library.cloud import ANSWERS, Asked, Host, served
from tests.library.servers import answer

FEDERATED: Final = "very.secret.federated"
HEADER: Final = "very-secret-header"
RESOURCE: Final = "https://cognitiveservices.azure.com"


@dataclass
class Azure(Host):
    """What it gives, and all that it was asked."""

    has_identity: bool = True
    """Whether the machine has one."""
    used: list[str] = field(default_factory=list)
    """The token or key of each call to the model."""

    @property
    def wanted(self) -> list[Asked]:
        return [asked for asked in self.asked if not asked.path.startswith("/openai/")]

    def told(self, asked: Asked) -> bytes:
        if asked.path.startswith("/openai/"):
            self.used.append(asked.headers.get("authorization", "").removeprefix("Bearer ") or asked.headers["api-key"])
            return answer(json.dumps(ANSWERS["completions"]).encode(), "application/json")
        failure = self.failure()
        if failure is not None:
            return failure
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


def serving() -> AbstractContextManager[Azure]:
    return served(Azure())
