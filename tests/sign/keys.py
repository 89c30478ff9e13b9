"""An RSA key for tests, made when it is asked for, and the files of accounts that hold it."""

from __future__ import annotations

import json
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

EMAIL = "robot@a-project.iam.gserviceaccount.com"
TOKEN_URI = "https://oauth2.test/token"


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(password: bytes | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    """The key as Google writes it (PKCS 8), or in another form."""
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return private_key().private_bytes(Encoding.PEM, form, lock).decode()


def elliptic_pem() -> str:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def service_account(**changes: str | None) -> dict[str, str]:
    """A service account's file as Google gives it out."""
    told = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "key-1",
        "private_key": pem(),
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": TOKEN_URI,
        "universe_domain": "googleapis.com",
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def authorized_user(**changes: str | None) -> dict[str, str]:
    """What gcloud writes when a person has logged in."""
    told = {
        "type": "authorized_user",
        "account": "",
        "client_id": "app.test",
        "client_secret": "very-secret-app",
        "refresh_token": "1//very-secret-refresh",
        "quota_project_id": "billed-project",
        "universe_domain": "googleapis.com",
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def text(told: dict[str, str]) -> str:
    return json.dumps(told, indent=2)
