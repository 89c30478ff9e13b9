"""Keys that AWS lends for a while: who is asked for them, how, and what he answers.

Documentation: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html, .../feature-imds-credentials.html,
.../feature-sso-credentials.html, .../feature-process-credentials.html; https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/
instancedata-data-retrieval.html; https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html,
.../OIDCAPIReference/API_CreateToken.html. All read 2026-11-21. Of the machine's metadata only the second version is spoken, where a
question needs a token that no redirected one has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha1
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from dragoman.core.errors import AuthFailed, DragomanError, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.core.token import Grant
from dragoman.sign.oauth import LONGEST_S, MAX_BODY, fault_kind, timestamp
from dragoman.sign.oauth import refusal as oauth_refusal
from dragoman.sign.sigv4 import Credentials

CONTAINER: Final = "http://169.254.170.2"
"""Where a container's agent answers that is named by a path alone."""
AGENTS: Final = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"})
"""Hosts that may be asked for a container's keys in the clear, beside the machine's own addresses."""
MACHINE: Final = "http://169.254.169.254"
MACHINE_IPV6: Final = "http://[fd00:ec2::254]"
ROLES: Final = "/latest/meta-data/iam/security-credentials/"
SSO_FILE: Final = "the token of single sign-on"
SESSION_S: Final = 21600
"""How long a session with the machine's metadata may last; it is used for two questions."""

T = TypeVar("T", bound=msgspec.Struct)


class LentKeys(msgspec.Struct, frozen=True):
    """Keys and when they end, in seconds since 1970; keys that do not end have no end."""

    keys: Credentials
    ends_epoch_s: float = float("inf")

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.keys.secret_access_key, self.keys.session_token) if secret)


class _Answer(msgspec.Struct, rename="pascal"):
    """What agents, machines and programs say, in one: they differ in the name of the session's token."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    token: str | None = None
    session_token: str | None = None
    expiration: str | None = None
    version: int | None = None
    code: str | None = None
    message: str | None = None


def read_keys(reply: Reply, now_epoch_s: float, source: str) -> LentKeys:
    """The keys in the answer of a container's agent or a machine. Raises ``ProviderError`` that names ``source`` where it holds none."""
    answer = decoded(reply.body, _Answer)
    access, secret = answer.access_key_id, answer.secret_access_key
    if reply.status != 200 or not access or not secret:
        raise refusal(reply, source, answer.code if answer.code != "Success" else None, answer.message)
    ends_epoch_s = float("inf") if answer.expiration is None else timestamp(answer.expiration, source)
    return LentKeys(Credentials(access, secret, answer.token or answer.session_token), ends_epoch_s)


def read_printed(printed: bytes, source: str) -> LentKeys:
    """The keys that a program wrote, in the form of ``credential_process``. Raises ``AuthFailed`` that shows nothing of it."""
    answer = decoded(printed, _Answer)
    if answer.version != 1 or not answer.access_key_id or not answer.secret_access_key:
        raise AuthFailed(f"{source} gave no keys: JSON with Version 1, AccessKeyId and SecretAccessKey is expected")
    return read_keys(Reply(200, (), printed), 0.0, source)


def refusal(reply: Reply, source: str, code: str | None = None, words: str | None = None) -> DragomanError:
    """The error where ``source`` gave no keys."""
    said = ": ".join(filter(None, (code, words))) or f"it answered with status {reply.status} and does not say why"
    shown = None if reply.status == 200 else reply.body[:MAX_BODY].decode(errors="replace")
    return fault_kind(reply.status, code)(f"{source} gave no keys: {said}", status=reply.status, code=code, body=shown)


def decoded(body: bytes, kind: type[T]) -> T:
    """``body`` as far as it is of that form; one without fields where it is not."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError):
        return kind()


# --- a container's agent


def container_url(relative: str | None, full: str | None) -> str | None:
    """Where a container's keys are asked for. Raises ``UsageError`` where they would be asked for in the clear of another machine."""
    if relative:
        return CONTAINER + relative
    if not full:
        return None
    parts = urlsplit(full)
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return full
    if parts.scheme == "http" and (host in AGENTS or _is_own(host)):
        return full
    allowed = f"https, this machine or one of {', '.join(sorted(AGENTS))} is allowed"
    raise UsageError(f"AWS_CONTAINER_CREDENTIALS_FULL_URI: the host {host!r} was found; {allowed}")


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def container_grant(url: str, authorization: str | None, now_epoch_s: float) -> Grant:
    """The question for a container's keys. Raises ``UsageError``."""
    if authorization is None:
        return Grant(Call("GET", url, (("accept", "application/json"),)), ())
    if not authorization.isascii() or not authorization.isprintable():
        raise UsageError("the token for the container's credentials holds characters that no header can carry")
    return Grant(Call("GET", url, (("accept", "application/json"), ("authorization", authorization))), (authorization,))


# --- a machine's metadata


def machine_url(endpoint: str | None, mode: str | None) -> str:
    """Where a machine's metadata is asked for."""
    return (endpoint or (MACHINE_IPV6 if mode and mode.lower() == "ipv6" else MACHINE)).rstrip("/")


def session_grant(url: str, now_epoch_s: float) -> Grant:
    """The question for a session with the machine's metadata, without which it says nothing."""
    return Grant(Call("PUT", f"{url}/latest/api/token", (("x-aws-ec2-metadata-token-ttl-seconds", str(SESSION_S)),)), ())


def machine_grant(url: str, session: str, now_epoch_s: float) -> Grant:
    return Grant(Call("GET", url, (("x-aws-ec2-metadata-token", session),)), (session,))


def read_line_of(reply: Reply, now_epoch_s: float, source: str) -> str:
    """The one line that the machine answers with: a session's token, a role's name. Raises ``ProviderError``."""
    line = reply.body.decode(errors="replace").strip().partition("\n")[0]
    if reply.status != 200 or not line.isascii() or not line.isprintable() or not line or " " in line:
        raise refusal(reply, source, None, "no role is attached to it" if reply.status == 404 else None)
    return line


# --- single sign-on


class SsoToken(msgspec.Struct, frozen=True, rename="camel"):
    """What AWS's tools keep of somebody who has signed on. It never prints its secrets."""

    access_token: str
    expires_at: str
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    registration_expires_at: str | None = None
    """Until when the tool that signed on may renew the token."""

    def __repr__(self) -> str:
        return f"SsoToken(…, expires_at={self.expires_at!r})"

    @property
    def ends_epoch_s(self) -> float:
        return timestamp(self.expires_at, SSO_FILE)

    def may_be_renewed(self, now_epoch_s: float) -> bool:
        if not (self.client_id and self.client_secret and self.refresh_token and self.registration_expires_at):
            return False
        return timestamp(self.registration_expires_at, SSO_FILE) > now_epoch_s


class _Renewed(msgspec.Struct, rename="camel"):
    access_token: str | None = None
    expires_in: float = 0.0
    refresh_token: str | None = None


class _RoleKeys(msgspec.Struct, rename="camel"):
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    expiration: float = 0.0
    """Milliseconds since 1970."""


class _RoleAnswer(msgspec.Struct, rename="camel"):
    role_credentials: _RoleKeys | None = None
    message: str | None = None


def sso_file(name: str) -> str:
    """The name of the file in which AWS's tools keep the token of the session or start address ``name``."""
    return f"{sha1(name.encode(), usedforsecurity=False).hexdigest()}.json"


def read_sso_token(text: str) -> SsoToken | None:
    """The token in that file; ``None`` where it holds none."""
    try:
        return msgspec.json.decode(text, type=SsoToken)
    except (ValueError, RecursionError):
        return None


def renewal_grant(url: str, token: SsoToken, now_epoch_s: float) -> Grant:
    """The question for a new token in place of one that ends."""
    secrets = (token.client_secret or "", token.refresh_token or "")
    told = {"grantType": "refresh_token", "clientId": token.client_id, "clientSecret": secrets[0], "refreshToken": secrets[1]}
    return Grant(Call("POST", f"{url}/token", (("content-type", "application/json"),), msgspec.json.encode(told)), secrets)


def read_renewed(reply: Reply, now_epoch_s: float, token: SsoToken) -> SsoToken:
    """What takes the place of ``token``. Raises ``ProviderError`` where it is not given."""
    renewed = decoded(reply.body, _Renewed)
    if reply.status != 200 or not renewed.access_token:
        raise oauth_refusal(reply, "the token of single sign-on was not renewed")
    ends = datetime.fromtimestamp(int(now_epoch_s + min(max(renewed.expires_in, 0.0), LONGEST_S)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    further = renewed.refresh_token or token.refresh_token
    return msgspec.structs.replace(token, access_token=renewed.access_token, expires_at=ends, refresh_token=further)


def with_sso_token(text: str, token: SsoToken) -> str:
    """The file's text with ``token`` in place of the one that it holds; what else stands there stays."""
    return msgspec.json.encode({**msgspec.json.decode(text), **msgspec.to_builtins(token)}).decode()


def sso_grant(url: str, token: str, role: str, account_id: str, now_epoch_s: float) -> Grant:
    """The question for the keys of a role that a person may take."""
    query = urlencode({"role_name": role, "account_id": account_id})
    return Grant(Call("GET", f"{url}/federation/credentials?{query}", (("x-amz-sso_bearer_token", token),)), (token,))


def read_role_keys(reply: Reply, now_epoch_s: float, source: str) -> LentKeys:
    """The keys that single sign-on gives. Raises ``ProviderError``."""
    answer = decoded(reply.body, _RoleAnswer)
    lent = answer.role_credentials
    if reply.status != 200 or lent is None or not lent.access_key_id or not lent.secret_access_key:
        raise refusal(reply, source, None, answer.message)
    return LentKeys(Credentials(lent.access_key_id, lent.secret_access_key, lent.session_token), lent.expiration / 1000)
