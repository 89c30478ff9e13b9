"""AWS's shared files are read as AWS's own SDK reads them, and what a person has to get is said."""

from __future__ import annotations

from pathlib import Path

import botocore.session  # type: ignore[import-untyped]  # it ships no types
import pytest

from dragoman.core.errors import UsageError
from dragoman.sign.aws import check_profile, profile_keys, read_line, read_profile, read_session
from dragoman.sign.sigv4 import Credentials

CREDENTIALS = """\
# a comment
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=very/secret+1%s

[other one]
aws_access_key_id=AKIAOTHER
aws_secret_access_key = very/secret2
aws_session_token = very//secret==3

[half]
aws_access_key_id = AKIAHALF
"""
CONFIG = """\
[default]
region = eu-central-1
s3 =
  max_concurrent_requests = 20
  addressing_style = path

[profile "other one"]
region=us-west-2
output = json

[profile "quoted"]
region = ap-south-1
aws_access_key_id = AKIAQUOTED
aws_secret_access_key = very/secret4

[profile half]
region = x

[profile rôle]
role_arn = arn:aws:iam::1:role/r
source_profile = default

[profile sso]
sso_session = mine
sso_account_id = 1

[sso-session mine]
sso_region = us-east-1

[profile program]
credential_process = /bin/keys

[profile empty]
region = eu-west-1
"""


@pytest.mark.parametrize("name", ["default", "other one", "quoted"])
def test_a_profile_is_what_botocore_finds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text(CREDENTIALS)
    (tmp_path / "config").write_text(CONFIG)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    session = botocore.session.Session(profile=name)
    theirs = session.get_credentials().get_frozen_credentials()
    settings = read_profile(name, CREDENTIALS, CONFIG)
    assert settings is not None
    assert profile_keys(name, settings) == Credentials(theirs.access_key, theirs.secret_key, theirs.token)
    assert settings["region"] == session.get_config_variable("region")


def test_a_profile_that_is_in_neither_file_is_none() -> None:
    assert read_profile("none", CREDENTIALS, CONFIG) is None
    assert read_profile("default", None, None) is None
    assert read_profile("default", "", "") is None


def test_a_profile_may_stand_in_one_file_alone() -> None:
    assert read_profile("default", None, CONFIG) == {
        "region": "eu-central-1",
        "s3": "max_concurrent_requests = 20\naddressing_style = path",
    }
    settings = read_profile("default", CREDENTIALS, None)
    assert settings == {"aws_access_key_id": "AKIADEFAULT", "aws_secret_access_key": "very/secret+1%s"}


def test_a_profile_without_keys_has_none() -> None:
    assert profile_keys("empty", read_profile("empty", CREDENTIALS, CONFIG) or {}) is None


@pytest.mark.parametrize(("name", "setting", "source"), [("rôle", "mfa_serial", "a device"), ("on", "login_session", "a login")])
def test_keys_that_only_a_person_gets_are_said_with_the_command_that_brings_them(name: str, setting: str, source: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_profile(name, {setting: "x", "role_arn": "y"})
    assert source in caught.value.message
    assert f"aws configure export-credentials --profile {name} --format env" in caught.value.message


def test_other_profiles_are_for_everybody() -> None:
    for name in ("rôle", "sso", "empty"):
        check_profile(name, read_profile(name, CREDENTIALS, CONFIG) or {})


def test_a_sign_on_is_found_by_its_name() -> None:
    assert read_session("mine", CONFIG) == {"sso_region": "us-east-1"}
    assert read_session("yours", CONFIG) is None
    assert read_session("mine", None) is None


def test_half_a_pair_of_keys_is_said() -> None:
    with pytest.raises(UsageError, match="'half' lacks aws_secret_access_key"):
        profile_keys("half", read_profile("half", CREDENTIALS, CONFIG) or {})


@pytest.mark.parametrize("content", ["very-secret\n", "[default\nvery-secret = 1", "[default]\nvery-secret"])
def test_a_file_that_cannot_be_read_is_said_and_not_shown(content: str) -> None:
    for texts in ((content, None), (None, content)):
        with pytest.raises(UsageError, match="file of AWS cannot be read") as caught:
            read_profile("default", *texts)
        assert "secret" not in str(caught.value)


def test_keys_in_one_line_are_two_or_three_words() -> None:
    assert read_line("AKIA:sec/ret+", "key") == Credentials("AKIA", "sec/ret+")
    assert read_line("ASIA:sec/ret+:ses/sion==", "key") == Credentials("ASIA", "sec/ret+", "ses/sion==")


@pytest.mark.parametrize("line", ["very-secret", "very-secret:", ":very-secret", "a:very-secret:", "a:b:c:very-secret", ""])
def test_another_line_is_refused_and_not_shown(line: str) -> None:
    with pytest.raises(UsageError, match="key: keys of AWS are written as ACCESS:SECRET or ACCESS:SECRET:SESSION") as caught:
        read_line(line, "key")
    assert "very" not in str(caught.value)
