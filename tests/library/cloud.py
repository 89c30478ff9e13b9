"""A cloud on this machine: it gives out tokens to whoever proves who he is, and answers calls whose authorization holds.

Signatures are checked by botocore, claims by google-auth; neither is asked for the time.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import parse_qs

import botocore.auth  # type: ignore[import-untyped]  # botocore has no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # likewise
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.auth import crypt

from tests.library.servers import answer, listening, read_request
from tests.sign.keys import private_key
from tests.sign.test_jwt import decoded

WORDS = "Hello from the cloud"
ACCESS = "AKIAROBOT"
SECRET = "very/secret+key"
SESSION = "very//secret==session"

ANSWERS = {
    "converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": WORDS}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    },
    "generateContent": {"candidates": [{"content": {"role": "model", "parts": [{"text": WORDS}]}, "finishReason": "STOP", "index": 0}]},
    "completions": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}],
    },
    "foundation-models": {"modelSummaries": [{"modelArn": "arn:1", "modelId": "amazon.nova-2-lite-v1:0", "modelName": "Nova 2 Lite"}]},
    "models": {"publisherModels": [{"name": "publishers/google/models/gemini-2.5-flash", "versionId": "1"}]},
}
"""Answers of the three wires, by the end of the path they are called at; also to who asked for a stream, which is allowed. The last two are
lists of models.
"""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


H = TypeVar("H", bound="Host")


@dataclass
class Host:
    """A service on this machine, and all that it was asked."""

    url: str = ""
    lifetime_s: float = 3600.0
    """Of what it gives."""
    failing: list[tuple[int, bytes]] = field(default_factory=list)
    """Status and body of the next answers to who wants something of it."""
    asked: list[Asked] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                asked = parsed(read_request(connection))
                with self._lock:
                    self.asked.append(asked)
                    reply = self.told(asked)
                connection.sendall(reply)

    def told(self, asked: Asked) -> bytes:
        """The answer; one at a time is made."""
        raise NotImplementedError

    def failure(self, head: str = "") -> bytes | None:
        """The next of the failing answers, with further lines of its head."""
        if not self.failing:
            return None
        status, body = self.failing.pop(0)
        return answer(body, "application/json", status=status, head=head)


@contextmanager
def served(host: H) -> Iterator[H]:
    """``host``, listening at its ``url``."""
    with listening(host.serve) as url:
        host.url = url
        yield host


@dataclass
class Cloud(Host):
    """What it gives and takes, and all that it was asked."""

    region: str = "eu-west-3"
    service: str = "bedrock"
    refused: set[str] = field(default_factory=set)
    """Tokens that no longer hold."""
    authorized: list[str] = field(default_factory=list)
    """The authorization of each call that was let in."""
    _tokens: int = 0

    @property
    def grants(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("/token")]

    @property
    def calls(self) -> list[Asked]:
        return [asked for asked in self.asked if not asked.path.endswith("/token")]

    def told(self, asked: Asked) -> bytes:
        failure = self.failure()
        if failure is not None:
            return failure
        if asked.path.endswith("/token"):
            return self._grant(asked)
        if not self._holds(asked):
            fault = {"message": "no: " + asked.headers.get("authorization", "")}
            return answer(json.dumps(fault).encode(), "application/json", status=401)
        self.authorized.append(asked.headers.get("authorization", ""))
        end = asked.path.partition("?")[0].rpartition("/")[2].rpartition(":")[2]
        return answer(json.dumps(ANSWERS[end.removesuffix("-stream")]).encode(), "application/json")

    def _grant(self, asked: Asked) -> bytes:
        if not self._proves(asked.form):
            told = {"error": "invalid_client", "error_description": f"no: {asked.body.decode()}"}
            return answer(json.dumps(told).encode(), "application/json", status=401)
        self._tokens += 1
        given = {"access_token": f"token-{self._tokens}", "expires_in": self.lifetime_s, "token_type": "Bearer"}
        return answer(json.dumps(given).encode(), "application/json")

    def _proves(self, form: dict[str, str]) -> bool:
        if form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            signed, _, signature = form["assertion"].rpartition(".")
            claims = json.loads(decoded(signed.split(".")[1]))
            public = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            good: bool = crypt.verify_signature(signed, decoded(signature), public)  # type: ignore[no-untyped-call]  # theirs has no types
            return good and claims["aud"] == f"{self.url}/token" and claims["exp"] == claims["iat"] + 3600
        if form["grant_type"] == "refresh_token":
            return (form["client_secret"], form["refresh_token"]) == ("very-secret-app", "1//very-secret-refresh")
        return form["grant_type"] == "client_credentials" and form["client_secret"] == "very secret+/="

    def _holds(self, asked: Asked) -> bool:
        authorization = asked.headers.get("authorization", "")
        if authorization.startswith("AWS4-HMAC-SHA256"):
            return authorization == self._signature(asked, authorization)
        kind, _, key = authorization.partition(" ")
        key = key if kind == "Bearer" else asked.headers.get("api-key") or asked.headers.get("x-goog-api-key") or ""
        return key not in self.refused and (key.startswith("token-") or key in ("own-token", "plain-key"))

    def _signature(self, asked: Asked, authorization: str) -> str:
        """What botocore writes for the same request, signed at the time and over the headers that it tells."""
        names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        keys: Any = SimpleNamespace(access_key=ACCESS, secret_key=SECRET, token=asked.headers.get("x-amz-security-token"))
        if keys.token not in (None, SESSION):
            return "another session"
        signer = botocore.auth.SigV4Auth(keys, self.service, self.region)
        told = {name: asked.headers[name] for name in names}
        request = AWSRequest(asked.method, self.url + asked.path, told, asked.body)
        request.context["timestamp"] = asked.headers["x-amz-date"]
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        signer._inject_signature_to_request(request, signer.signature(to_sign, request))
        written: str = request.headers["Authorization"]
        return written


def parsed(raw: bytes) -> Asked:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    fields = (line.partition(":") for line in lines)
    return Asked(method, path, {name.lower(): value.strip() for name, _, value in fields}, body)


def serving() -> AbstractContextManager[Cloud]:
    return served(Cloud())
