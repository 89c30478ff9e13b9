"""A signed JSON Web Token: RS256, in the compact form.

Documentation: RFC 7515 and RFC 7519, https://developers.google.com/identity/protocols/oauth2/service-account, read 2026-11-21. The RSA
signature is the package ``cryptography``'s, which is loaded at the first one; everything else needs nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.core.errors import UsageError

LIFETIME_S: Final = 3600
"""The longest that Google takes."""


def assertion(claims: Mapping[str, str], key: str, now_epoch_s: float, key_id: str | None = None) -> str:
    """``claims``, good for an hour from ``now_epoch_s``, signed with the RSA private ``key`` (PEM). Raises ``UsageError``."""
    head = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
    issued = int(now_epoch_s)
    signed = f"{_segment(head)}.{_segment({**claims, 'iat': issued, 'exp': issued + LIFETIME_S})}"
    return f"{signed}.{_base64(_rs256(signed.encode(), key))}"


def _segment(told: Mapping[str, str | int]) -> str:
    return _base64(msgspec.json.encode(told))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _rs256(data: bytes, key: str) -> bytes:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise UsageError("a Google service account signs with the package cryptography: pip install 'dragoman[google]'") from None
    try:
        loaded = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        loaded = None  # its words could show a part of the key
    if not isinstance(loaded, RSAPrivateKey):
        raise UsageError("private_key: it cannot be read; an RSA key without a password, in PEM, is expected", param="private_key")
    return loaded.sign(data, PKCS1v15(), SHA256())
