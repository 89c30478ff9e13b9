"""AWS's Security Token Service: keys of a role, for who has other keys, or a token of another identity.

Documentation: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and .../API_AssumeRoleWithWebIdentity.html, read
2026-11-21. Questions are forms, answers XML; the first question is signed, the second proves itself by its token.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote_plus, urlencode

import msgspec

from dragoman.core.exchange import Call, Reply
from dragoman.core.token import Grant
from dragoman.sign.aws_lent import LentKeys, refusal
from dragoman.sign.oauth import timestamp
from dragoman.sign.sigv4 import Credentials, sign

VERSION: Final = "2011-06-15"
SERVICE: Final = "sts"
_FORM: Final = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("accept", "text/xml"))


class Role(msgspec.Struct, frozen=True):
    """A role, and how it is taken."""

    arn: str
    session_name: str | None = None
    external_id: str | None = None
    duration_s: int | None = None


def endpoint(region: str) -> str:
    """Where the service answers in ``region``."""
    return f"https://sts.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def role_grant(url: str, role: Role, keys: Credentials, region: str, now_epoch_s: float) -> Grant:
    """The question for the keys of ``role``, signed with ``keys``. Raises ``UsageError``."""
    call = _question(url, "AssumeRole", {**_told(role, now_epoch_s), "ExternalId": role.external_id})
    secrets = tuple(secret for secret in (keys.secret_access_key, keys.session_token) if secret)
    return Grant(sign(call, keys, region, SERVICE, now_epoch_s), secrets)


def identity_grant(url: str, role: Role, token: str, now_epoch_s: float) -> Grant:
    """The question for the keys of ``role`` by another identity's token."""
    call = _question(url, "AssumeRoleWithWebIdentity", {**_told(role, now_epoch_s), "WebIdentityToken": token})
    return Grant(call, tuple(dict.fromkeys((token, quote_plus(token)))))


def _told(role: Role, now_epoch_s: float) -> dict[str, str | None]:
    duration = None if role.duration_s is None else str(role.duration_s)
    return {"RoleArn": role.arn, "RoleSessionName": role.session_name or f"dragoman-{int(now_epoch_s)}", "DurationSeconds": duration}


def _question(url: str, action: str, fields: dict[str, str | None]) -> Call:
    told = {name: value for name, value in fields.items() if value is not None}
    return Call("POST", f"{url.rstrip('/')}/", _FORM, urlencode({"Action": action, "Version": VERSION, **told}).encode())


def read_lent(reply: Reply, now_epoch_s: float, source: str) -> LentKeys:
    """The keys in the answer to either question. Raises ``ProviderError`` that names ``source`` where it holds none."""
    told = _texts(reply.body)
    access, secret, ends = (told.get(name) for name in ("AccessKeyId", "SecretAccessKey", "Expiration"))
    if reply.status != 200 or not access or not secret or not ends:
        raise refusal(reply, source, told.get("Code"), told.get("Message"))
    return LentKeys(Credentials(access, secret, told.get("SessionToken")), timestamp(ends, source))


def _texts(body: bytes) -> dict[str, str]:
    """The texts of the elements of a document, by their names without namespaces; none where it is no such document."""
    from xml.etree import ElementTree  # loaded with the first role that is taken

    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:  # what defines its own words may be made to grow without end
        return {}
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, LookupError, ValueError):
        return {}
    return {element.tag.rpartition("}")[2]: element.text.strip() for element in root.iter() if element.text}
