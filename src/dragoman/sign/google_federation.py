"""Google's accounts that go by another's word: workload identity federation, and acting as a service account.

Documentation: https://google.aip.dev/auth/4117 (external accounts), RFC 8693 (exchange of tokens),
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken. All read 2026-11-21.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from itertools import pairwise
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, Headers, Reply, with_headers
from dragoman.core.token import Grant, Token
from dragoman.sign import google
from dragoman.sign.google import GoogleAccount, ServiceAccount, decoded
from dragoman.sign.oauth import grant, read_bare_token, refusal, timestamp
from dragoman.sign.sigv4 import Credentials, sign

EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
TOKEN_URL: Final = "https://sts.googleapis.com/v1/token"
AWS_STATEMENT: Final = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
LIFETIME_S: Final = 3600


class AwsStatement(msgspec.Struct, frozen=True):
    """Where AWS says whose keys signed a question, and where a machine of AWS tells its region."""

    url: str
    region_url: str | None


class ExternalAccount(msgspec.Struct, frozen=True):
    """Whom another's token stands for. It never prints its secret."""

    audience: str
    subject_token_type: str
    token_url: str
    file: str | None
    """Where the other's token stands: in a file, or"""
    aws: AwsStatement | None
    """it is made of AWS's keys, or"""
    url: str | None
    """it stands at an address, to be asked with ``url_headers``."""
    url_headers: Headers
    json_field: str | None
    """The field of a JSON object that holds it; ``None`` where it stands there alone."""
    impersonation_url: str | None
    """Where the service account is asked for that is acted as."""
    lifetime_s: int
    client_id: str | None
    client_secret: str | None
    user_project: str | None
    """The project that is counted for people of a workforce."""
    quota_project_id: str | None

    def __repr__(self) -> str:
        return f"ExternalAccount({self.audience!r}, …)"


class ImpersonatedAccount(msgspec.Struct, frozen=True):
    """A service account that another account may act as."""

    source: GoogleAccount | ExternalAccount
    url: str
    delegates: tuple[str, ...]
    quota_project_id: str | None


AnyAccount = GoogleAccount | ExternalAccount | ImpersonatedAccount

# --- what the files hold


class _Format(msgspec.Struct):
    type: Literal["text", "json"] = "text"
    subject_token_field_name: str | None = None


class _Source(msgspec.Struct):
    file: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}
    format: _Format = msgspec.field(default_factory=_Format)
    environment_id: Literal["aws1"] | None = None
    regional_cred_verification_url: str = AWS_STATEMENT
    region_url: str | None = None


class _Options(msgspec.Struct):
    token_lifetime_seconds: int = LIFETIME_S


class _External(msgspec.Struct):
    audience: str
    subject_token_type: str
    credential_source: _Source
    token_url: str = TOKEN_URL
    service_account_impersonation_url: str | None = None
    service_account_impersonation: _Options = msgspec.field(default_factory=_Options)
    client_id: str | None = None
    client_secret: str | None = None
    workforce_pool_user_project: str | None = None
    quota_project_id: str | None = None


class _Impersonated(msgspec.Struct):
    source_credentials: dict[str, object]
    service_account_impersonation_url: str
    delegates: tuple[str, ...] | None = None
    quota_project_id: str | None = None


def read_account(given: str | Mapping[str, object], what: str) -> AnyAccount:
    """The account of any kind in the JSON text or mapping ``given``. Raises ``UsageError`` that names ``what``, and shows no value."""
    told = decoded(given, what) if isinstance(given, str) else given
    try:
        if told.get("type") == "external_account":
            return _external(msgspec.convert(told, _External), what)
        if told.get("type") == "impersonated_service_account":
            return _impersonated(msgspec.convert(told, _Impersonated), what)
    except msgspec.ValidationError as fault:
        raise UsageError(f"{what}: {fault}; the file is expected as Google gave it out") from None
    return google.read_account(told, what)


def _external(told: _External, what: str) -> ExternalAccount:
    source = told.credential_source
    of_aws = source.environment_id is not None
    if not of_aws and (source.file is None) == (source.url is None):
        raise UsageError(f"{what}: credential_source: a file, a url or AWS is understood, and neither a program nor a certificate")
    if source.format.type == "json" and source.format.subject_token_field_name is None:
        raise UsageError(f"{what}: credential_source.format.subject_token_field_name: missing", param="subject_token_field_name")
    return ExternalAccount(
        audience=told.audience,
        subject_token_type=told.subject_token_type,
        token_url=told.token_url,
        file=None if of_aws else source.file,
        aws=AwsStatement(source.regional_cred_verification_url, source.region_url) if of_aws else None,
        url=None if of_aws else source.url,
        url_headers=with_headers((), source.headers),
        json_field=source.format.subject_token_field_name if source.format.type == "json" else None,
        impersonation_url=told.service_account_impersonation_url,
        lifetime_s=told.service_account_impersonation.token_lifetime_seconds,
        client_id=told.client_id,
        client_secret=told.client_secret,
        user_project=told.workforce_pool_user_project,
        quota_project_id=told.quota_project_id,
    )


def _impersonated(told: _Impersonated, what: str) -> ImpersonatedAccount:
    source = read_account(told.source_credentials, f"{what}: source_credentials")
    if isinstance(source, ImpersonatedAccount):
        raise UsageError(f"{what}: source_credentials: an impersonated_service_account was found; accounts in a row are named in delegates")
    return ImpersonatedAccount(source, told.service_account_impersonation_url, told.delegates or (), told.quota_project_id)


def project(account: AnyAccount) -> str | None:
    """The project that the account's file names; of a pool of workloads its number, which addresses take as well."""
    if isinstance(account, ExternalAccount):
        parts = account.audience.split("/")
        numbers = [number for name, number in pairwise(parts) if name == "projects"]
        return next(iter(numbers), None) or account.user_project
    return None if isinstance(account, ImpersonatedAccount) else google.project(account)


def quota_project(account: AnyAccount) -> str | None:
    """The project that the account's calls are counted to; a program's own are counted where they go."""
    return None if isinstance(account, ServiceAccount) else account.quota_project_id


# --- the other's token


def subject_grant(account: ExternalAccount, now_epoch_s: float) -> Grant:
    """The question for the other's token at its address. Raises ``UsageError`` where that is none."""
    url = account.url or ""
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"credential_source.url: {url!r} was found; an address like https://host/path is expected")
    return Grant(Call("GET", url, account.url_headers), tuple(value for _, value in account.url_headers))


def read_subject(reply: Reply, now_epoch_s: float, account: ExternalAccount) -> str:
    """The other's token in what the address said. Raises ``ProviderError``."""
    if reply.status != 200:
        raise refusal(reply, f"{account.url} gave no token")
    return subject(reply.body.decode(errors="replace"), account, str(account.url))


def subject(text: str, account: ExternalAccount, where: str) -> str:
    """The other's token in ``text``. Raises ``UsageError`` that names ``where``, and shows nothing of it."""
    token: object = text.strip()
    if account.json_field is not None:
        token = decoded(text, where).get(account.json_field)
    if not isinstance(token, str) or not token:
        raise UsageError(f"{where}: it holds no token" + (f" in its field {account.json_field!r}" if account.json_field else ""))
    return token


def aws_subject(account: ExternalAccount, keys: Credentials, region: str, now_epoch_s: float) -> str:
    """A question to AWS whose keys these are, signed and written down: who sends it there learns for whom it stands."""
    assert account.aws is not None
    url = account.aws.url.replace("{region}", region)
    call = sign(Call("POST", url, (("x-goog-cloud-target-resource", account.audience),)), keys, region, "sts", now_epoch_s)
    headers = [{"key": name, "value": value} for name, value in (("host", urlsplit(url).netloc), *call.headers)]
    return quote(msgspec.json.encode({"headers": headers, "method": call.method, "url": url}).decode())


# --- the exchange


def exchange_grant(account: ExternalAccount, subject_token: str, scope: str, now_epoch_s: float) -> Grant:
    """The question for a token of Google's for another's. Raises ``UsageError``."""
    fields = {
        "grant_type": EXCHANGE_GRANT,
        "audience": account.audience,
        "scope": scope,
        "requested_token_type": ACCESS_TOKEN,
        "subject_token": subject_token,
        "subject_token_type": account.subject_token_type,
    }
    if account.user_project and not account.client_id:
        fields["options"] = quote(msgspec.json.encode({"userProject": account.user_project}).decode())
    made = grant(account.token_url, fields)
    if not account.client_id:
        return made
    basic = b64encode(f"{account.client_id}:{account.client_secret or ''}".encode()).decode()
    call = msgspec.structs.replace(made.call, headers=with_headers(made.call.headers, {"authorization": f"Basic {basic}"}))
    return Grant(call, (*made.secrets, basic))


# --- acting as a service account


class _Lent(msgspec.Struct, rename="camel"):
    access_token: str | None = None
    expire_time: str | None = None


def impersonation_grant(url: str, token: str, scope: str, delegates: tuple[str, ...], lifetime_s: int, now_epoch_s: float) -> Grant:
    """The question for a service account's token, by who may act as it. Raises ``UsageError`` where ``url`` is no address."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"service_account_impersonation_url: {url!r} was found; an address like https://host/path is expected")
    asked = {"delegates": list(delegates), "scope": [scope], "lifetime": f"{lifetime_s}s"}
    headers = (("content-type", "application/json"), ("accept", "application/json"), ("authorization", f"Bearer {token}"))
    return Grant(Call("POST", url, headers, msgspec.json.encode(asked)), (token,))


def read_impersonated(reply: Reply, now_epoch_s: float) -> Token:
    """The service account's token. Raises ``ProviderError``."""
    try:
        lent = msgspec.json.decode(reply.body, type=_Lent)
    except (ValueError, RecursionError):
        lent = _Lent()
    if reply.status != 200 or lent.access_token is None or lent.expire_time is None:
        raise refusal(reply, "the service account's token was not given")
    return read_bare_token(lent.access_token, timestamp(lent.expire_time, "the service account's token"), reply)
