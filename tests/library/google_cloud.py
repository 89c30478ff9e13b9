"""Google on this machine: an exchange of tokens, service accounts to act as, a metadata server, another's identity, and a model.

A token tells by its text what was asked for, so that two programs which ask alike get the same one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tests.library.aws_cloud import signature_holds
from tests.library.cloud import ANSWERS, Asked, Host, served
from tests.library.servers import answer

SUBJECT: Final = "very.secret.subject"
AWS_TYPE: Final = "urn:ietf:params:aws:token-type:aws4_request"
PROJECT: Final = "project-1"
FLAVOR: Final = "metadata-flavor: Google\r\n"


@dataclass
class Google(Host):
    """What it gives, and all that it was asked."""

    has_account: bool = True
    """Whether the machine has one."""
    is_google: bool = True
    """Whether it is Google's metadata server that answers."""
    used: list[str] = field(default_factory=list)
    """The token of each call to the model that was let in."""
    given: set[str] = field(default_factory=set)
    keys_of_aws: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Secrets and sessions by access key, for who is known by them."""

    @property
    def wanted(self) -> list[Asked]:
        """The questions that came before a call to the model."""
        return [asked for asked in self.asked if not asked.path.endswith("generateContent")]

    @property
    def calls(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("generateContent")]

    def told(self, asked: Asked) -> bytes:
        path = urlsplit(asked.path).path
        if path.endswith("generateContent"):
            return self._model(asked)
        failure = self.failure(FLAVOR)
        if failure is not None:
            return failure
        tell = next((tell for start, tell in _PLACES.items() if path.startswith(start)), None)
        return tell(self, asked) if tell else answer(b"", status=404, head=FLAVOR)

    def _model(self, asked: Asked) -> bytes:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.given:
            return answer(b'{"error":{"message":"no","status":"UNAUTHENTICATED"}}', "application/json", status=401)
        self.used.append(token)
        return answer(json.dumps(ANSWERS["generateContent"]).encode(), "application/json")

    def _exchange(self, asked: Asked) -> bytes:
        if asked.form.get("subject_token_type") == AWS_TYPE:
            return self._token("exchanged-aws", self._statement(json.loads(unquote(asked.form["subject_token"]))))
        if asked.form.get("subject_token") != SUBJECT:
            told = {"error": "invalid_grant", "error_description": f"not for {asked.body.decode()}"}
            return answer(json.dumps(told).encode(), "application/json", status=400)
        form = asked.form | {"options": json.loads(unquote(asked.form.get("options", "{}")))}
        return self._token("exchanged", json.dumps(form, sort_keys=True), asked.headers.get("authorization", ""))

    def _statement(self, told: dict[str, Any]) -> str:
        """Whose keys signed a question to AWS, where botocore makes the same signature."""
        headers = {field["key"].lower(): field["value"] for field in told["headers"]}
        access = headers["authorization"].partition("Credential=")[2].partition("/")[0]
        secret, session = self.keys_of_aws[access]
        assert headers.get("x-amz-security-token") == session
        assert signature_holds(told["method"], told["url"], headers, b"", (access, secret, session), "sts")
        return json.dumps([access, told["method"], told["url"], headers["x-goog-cloud-target-resource"]])

    def _person(self, asked: Asked) -> bytes:
        return self._token("person", asked.form["refresh_token"])

    def _acting(self, asked: Asked) -> bytes:
        by = asked.headers["authorization"].removeprefix("Bearer ")
        if by not in self.given:
            return answer(b'{"error":{"code":403,"status":"PERMISSION_DENIED","message":"no"}}', "application/json", status=403)
        ends = datetime.fromtimestamp(int(time.time() + self.lifetime_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {name: value for name, value in json.loads(asked.body).items() if value}
        token = self._made("acting", by, asked.path, json.dumps(told, sort_keys=True))
        return answer(json.dumps({"accessToken": token, "expireTime": ends}).encode(), "application/json")

    def _subject(self, asked: Asked) -> bytes:
        fits = asked.headers.get("x-pass") == "very-secret-pass"
        return answer(json.dumps({"jwt": SUBJECT}).encode(), "application/json") if fits else answer(b"no", status=403)

    def _metadata(self, asked: Asked) -> bytes:
        if asked.headers.get("metadata-flavor") != "Google":
            return answer(b"", status=403)
        head = FLAVOR if self.is_google else ""
        if asked.path.endswith("/project-id"):
            return answer(PROJECT.encode(), "application/text", head=head)
        if not self.has_account:
            return answer(b"<html>", "text/html", status=404, head=head)
        given = {"access_token": self._made("machine", asked.path), "expires_in": int(self.lifetime_s), "token_type": "Bearer"}
        return answer(json.dumps(given).encode(), "application/json", head=head)

    def _token(self, *told: str) -> bytes:
        given = {"access_token": self._made(*told), "expires_in": int(self.lifetime_s), "token_type": "Bearer"}
        return answer(json.dumps(given).encode(), "application/json")

    def _made(self, *told: str) -> str:
        token = f"token-{told[0]}-{sha256(json.dumps(told).encode()).hexdigest()}"
        self.given.add(token)
        return token


_PLACES: Final[dict[str, Callable[[Google, Asked], bytes]]] = {
    "/sts": Google._exchange,
    "/person": Google._person,
    "/v1/projects/-/serviceAccounts/": Google._acting,
    "/subject": Google._subject,
    "/computeMetadata/v1/": Google._metadata,
}


def serving() -> AbstractContextManager[Google]:
    return served(Google())
