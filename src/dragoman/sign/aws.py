"""AWS access keys as users write them: in one line, and in the files that AWS's own tools share.

Documentation: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import Error, RawConfigParser
from typing import Final

from dragoman.core.errors import UsageError
from dragoman.sign.sigv4 import Credentials

DEFAULT_PROFILE: Final = "default"
BY_HAND: Final = {"mfa_serial": "a device of many factors", "login_session": "a login"}
"""Settings of a profile whose keys nobody gets without AWS's own tools, and where they come from."""


def read_line(text: str, what: str) -> Credentials:
    """The keys in ``ACCESS:SECRET`` or ``ACCESS:SECRET:SESSION``. Raises ``UsageError``, which shows none of them."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError(f"{what}: keys of AWS are written as ACCESS:SECRET or ACCESS:SECRET:SESSION, or as a mapping")
    return Credentials(*parts)


def read_profile(name: str, credentials: str | None, config: str | None) -> dict[str, str] | None:
    """The settings of the profile ``name`` in the texts of both files, the credentials' over the config's; ``None`` where it is in neither.

    Raises ``UsageError`` where a file cannot be read, and shows nothing of it.
    """
    sections = [
        _section(config, "config", (DEFAULT_PROFILE, "profile default") if name == DEFAULT_PROFILE else (f"profile {name}",)),
        _section(credentials, "credentials", (name,)),
    ]
    found = [section for section in sections if section is not None]
    return {setting: value for section in found for setting, value in section.items()} if found else None


def read_session(name: str, config: str | None) -> dict[str, str] | None:
    """The settings of the single sign-on ``name`` in the text of the config file. Raises as ``read_profile`` does."""
    return _section(config, "config", (f"sso-session {name}",))


def _section(text: str | None, file: str, names: tuple[str, ...]) -> dict[str, str] | None:
    if text is None:
        return None
    parser = RawConfigParser(strict=False, default_section="\0")  # [default] is a profile like another
    try:
        parser.read_string(text)
    except Error:
        raise UsageError(f"the shared {file} file of AWS cannot be read: it is not in the form that AWS's tools write") from None
    by_name = {" ".join(section.split()).replace('"', ""): section for section in parser.sections()}
    for name in names:
        if name in by_name:
            return {setting: value.strip() for setting, value in parser.items(by_name[name]) if value}
    return None


def profile_keys(name: str, settings: Mapping[str, str]) -> Credentials | None:
    """The keys that stand in a profile, or ``None``. Raises ``UsageError`` where it has half of them."""
    access, secret = settings.get("aws_access_key_id"), settings.get("aws_secret_access_key")
    if access and secret:
        return Credentials(access, secret, settings.get("aws_session_token"))
    if access or secret:
        lacking = "aws_secret_access_key" if access else "aws_access_key_id"
        raise UsageError(f"the AWS profile {name!r} lacks {lacking}", param=lacking)
    return None


def check_profile(name: str, settings: Mapping[str, str]) -> None:
    """Raises ``UsageError`` where the profile's keys are for AWS's own tools to get."""
    source = next((BY_HAND[setting] for setting in BY_HAND if setting in settings), None)
    if source:
        raise UsageError(
            f"the AWS profile {name!r} gets its keys from {source}, which is left to AWS's own tools; let them give the keys out, by "
            f'eval "$(aws configure export-credentials --profile {name} --format env)"'
        )
