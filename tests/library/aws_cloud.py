"""AWS on this machine: a token service, a container's agent, a machine's metadata, single sign-on, and a model that takes signed calls.

Keys that are lent tell by their names who was asked for them, so that two programs which ask alike get the same ones. Every signature is
checked by botocore.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import botocore.auth  # type: ignore[import-untyped]  # botocore has no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # likewise

from tests.library.cloud import ANSWERS, Asked, Host, served
from tests.library.servers import answer

REGION: Final = "eu-west-3"
STANDING: Final = {"AKIAONE": "very/secret+one", "AKIATWO": "very/secret+two"}
"""Keys that nobody lends: those of the environment, and those of a file."""
IDENTITY: Final = "very.secret.identity"
AGENT_TOKEN: Final = "very-secret-agent-token"
SSO_TOKEN: Final = "very-secret-sso-token"
RENEWAL: Final = ("client", "very-secret-client", "very-secret-refresh")
"""Who may renew the token of single sign-on."""
SESSION: Final = "very-secret-metadata-session"
MACHINE_ROLE: Final = "role-of-the-machine"


@dataclass
class Aws(Host):
    """What it lends, and all that it was asked."""

    has_role: bool = True
    """Whether the machine has one."""
    signed_by: list[tuple[str, str | None]] = field(default_factory=list)
    """Access key and session token of each call to the model that was let in."""
    secrets: dict[str, tuple[str, str | None]] = field(default_factory=lambda: {name: (key, None) for name, key in STANDING.items()})

    @property
    def wanted(self) -> list[Asked]:
        """The questions for keys."""
        return [asked for asked in self.asked if not asked.path.startswith(_SIGNED)]

    def told(self, asked: Asked) -> bytes:
        path = urlsplit(asked.path).path
        if path.startswith(_SIGNED):
            return self._model(asked)
        failure = self.failure()
        if failure is not None:
            return failure
        told = next((tell for start, tell in _PLACES.items() if path.startswith(start)), None)
        return told(self, asked) if told else answer(b"", status=404)

    def _model(self, asked: Asked) -> bytes:
        who = self._signer(asked, "bedrock")
        if who is None:
            return answer(b'{"message":"the signature does not hold"}', "application/json", status=403)
        self.signed_by.append(who)
        told = "foundation-models" if asked.path == "/foundation-models" else "converse"
        return answer(json.dumps(ANSWERS[told]).encode(), "application/json")

    # --- who lends

    def _token_service(self, asked: Asked) -> bytes:
        form = asked.form
        if form["Action"] == "AssumeRole":
            who = self._signer(asked, "sts")
            by = who[0] if who else None
        else:
            by = "IDENTITY" if form["WebIdentityToken"] == IDENTITY else None
        if by is None:
            fault = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not by {escape(asked.body.decode())}</Message></Error>"
            return answer(f"<ErrorResponse>{fault}</ErrorResponse>".encode(), "text/xml", status=403)
        lent = self._lend(form["RoleArn"], by, form.get("ExternalId", ""), form.get("DurationSeconds", ""))
        keys = "".join(f"<{name}>{value}</{name}>" for name, value in lent.items())
        told = f'<R xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><X><Credentials>{keys}</Credentials></X></R>'
        name = form["Action"]
        return answer(
            told.replace("<R ", f"<{name}Response ").replace("</R>", f"</{name}Response>").replace("X>", f"{name}Result>").encode()
        )

    def _agent(self, asked: Asked) -> bytes:
        if asked.headers.get("authorization") != AGENT_TOKEN:
            return answer(b'{"code":"InvalidAuthorization","message":"no"}', "application/json", status=401)
        return self._json(self._lend("container"))

    def _session(self, asked: Asked) -> bytes:
        fits = asked.method == "PUT" and asked.headers["x-aws-ec2-metadata-token-ttl-seconds"].isdecimal()
        return answer(SESSION.encode(), "text/plain") if fits else answer(b"", status=400)

    def _roles(self, asked: Asked) -> bytes:
        if asked.headers.get("x-aws-ec2-metadata-token") != SESSION:
            return answer(b"", status=401)
        if not self.has_role:
            return answer(b"", status=404)
        if asked.path.endswith(("/", "/security-credentials")):
            return answer(MACHINE_ROLE.encode(), "text/plain")
        fits = asked.path.endswith(f"/{MACHINE_ROLE}")
        return self._json({"Code": "Success", **self._lend("machine")}) if fits else answer(b"", status=404)

    def _zone(self, asked: Asked) -> bytes:
        fits = asked.headers.get("x-aws-ec2-metadata-token") == SESSION
        return answer(f"{REGION}b".encode(), "text/plain") if fits else answer(b"", status=401)

    def _renewal(self, asked: Asked) -> bytes:
        told = json.loads(asked.body)
        if (told["grantType"], told["clientId"], told["clientSecret"], told["refreshToken"]) != ("refresh_token", *RENEWAL):
            return answer(b'{"error":"invalid_grant","error_description":"Invalid refresh token"}', "application/json", status=400)
        given = {"accessToken": SSO_TOKEN, "expiresIn": int(self.lifetime_s), "tokenType": "Bearer", "refreshToken": "very-secret-next"}
        return answer(json.dumps(given).encode(), "application/json")

    def _sign_on(self, asked: Asked) -> bytes:
        if asked.headers.get("x-amz-sso_bearer_token") != SSO_TOKEN:
            return answer(b'{"message":"Session token not found or invalid"}', "application/json", status=401)
        query = parse_qs(urlsplit(asked.path).query)
        lent = self._lend("sso", query["role_name"][0], query["account_id"][0])
        ends = datetime.fromisoformat(lent["Expiration"]).timestamp() * 1000
        told = {"accessKeyId": lent["AccessKeyId"], "secretAccessKey": lent["SecretAccessKey"], "sessionToken": lent["SessionToken"]}
        return answer(json.dumps({"roleCredentials": {**told, "expiration": int(ends)}}).encode(), "application/json")

    def _json(self, lent: dict[str, str]) -> bytes:
        return answer(json.dumps({**lent, "Token": lent["SessionToken"]}).encode(), "application/json")

    def _lend(self, *whom: str) -> dict[str, str]:
        access = "ASIA" + urlsafe_b64encode(" ".join(whom).encode()).decode().rstrip("=")
        secret, session = f"very/secret+{access}", f"very//secret=={access}"
        self.secrets[access] = (secret, session)
        ends = datetime.fromtimestamp(int(time.time() + self.lifetime_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"AccessKeyId": access, "SecretAccessKey": secret, "SessionToken": session, "Expiration": ends}

    # --- who signs

    def _signer(self, asked: Asked, service: str) -> tuple[str, str | None] | None:
        """Whose signature a question bears, if botocore makes the same one of it."""
        authorization = asked.headers.get("authorization", "")
        access = authorization.partition("Credential=")[2].partition("/")[0]
        secret, session = self.secrets.get(access, ("", None))
        if asked.headers.get("x-amz-security-token") != session:
            return None
        holds = signature_holds(asked.method, self.url + asked.path, asked.headers, asked.body, (access, secret, session), service)
        return (access, session) if holds else None


def signature_holds(method: str, url: str, headers: dict[str, str], body: bytes, keys: tuple[str, str, str | None], service: str) -> bool:
    """Whether botocore makes the same signature with ``keys``."""
    given: Any = SimpleNamespace(access_key=keys[0], secret_key=keys[1], token=keys[2])
    signer = botocore.auth.SigV4Auth(given, service, REGION)
    names = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(method, url, {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    return headers["authorization"].endswith(f"Signature={signer.signature(to_sign, request)}")


_SIGNED: Final = ("/model/", "/foundation-models")
"""Paths of what lends nothing, and takes calls that are signed with what was lent."""
_PLACES: Final[dict[str, Callable[[Aws, Asked], bytes]]] = {
    "/container": Aws._agent,
    "/latest/api/token": Aws._session,
    "/latest/meta-data/iam/security-credentials": Aws._roles,
    "/latest/meta-data/placement/availability-zone": Aws._zone,
    "/federation/credentials": Aws._sign_on,
    "/token": Aws._renewal,
    "/": Aws._token_service,
}


def serving() -> AbstractContextManager[Aws]:
    return served(Aws())
