"""Azure's tokens for workloads and machines, by the variables that the platforms set, in the order of Azure's own SDK."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dragoman import Client
from dragoman.client import ClientSettings
from dragoman.core.errors import AuthFailed, DragomanError, MissingKey, ServerFault, UsageError
from tests.library.azure_cloud import FEDERATED, HEADER, Azure, serving
from tests.library.cloud import WORDS
from tests.library.test_cloud_credentials import Ask, both, wrote

MODEL = "azure/my-deployment"
WORKLOAD = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_FEDERATED_TOKEN_FILE": "{home}/federated"}
APP_SERVICE = {"IDENTITY_ENDPOINT": "{url}/msi/token", "IDENTITY_HEADER": HEADER}
LEARNING = {"MSI_ENDPOINT": "{url}/msi/token", "MSI_SECRET": HEADER}
SHELL = {"MSI_ENDPOINT": "{url}/shell"}


@pytest.fixture
def cloud() -> Iterator[Azure]:
    with serving() as there:
        yield there


def settings(cloud: Azure, home: Path, told: dict[str, str]) -> ClientSettings:
    wrote(home / "federated", FEDERATED)
    named = {name: value.replace("{home}", str(home)).replace("{url}", cloud.url) for name, value in told.items()}
    places = dict.fromkeys(("AZURE_API_BASE", "AZURE_AUTHORITY_HOST", "AZURE_POD_IDENTITY_AUTHORITY_HOST"), cloud.url)
    return {"environment": {"HOME": str(home), "DRAGOMAN_HOME": str(home), **places, **named}, "trust_env": False, "max_retries": 0}


PLACES: list[tuple[dict[str, str], str]] = [
    (WORKLOAD, "token-workload-client"),
    ({**WORKLOAD, **APP_SERVICE}, "token-workload-client"),
    (APP_SERVICE, "token-app-own"),
    ({**APP_SERVICE, "AZURE_CLIENT_ID": "c"}, "token-app-c"),
    ({**APP_SERVICE, "IMDS_ENDPOINT": "http://x"}, "token-app-own"),
    (LEARNING, "token-ml-own"),
    ({**LEARNING, "AZURE_CLIENT_ID": "c"}, "token-ml-c"),
    (SHELL, "token-shell"),
    ({}, "token-machine-own"),
    ({"AZURE_CLIENT_ID": "c"}, "token-machine-c"),
    ({"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}, "token-machine-own"),
]


@both
@pytest.mark.parametrize(("told", "token"), PLACES)
def test_each_place_gives_its_token(cloud: Azure, tmp_path: Path, ask: Ask, told: dict[str, str], token: str) -> None:
    assert ask(settings(cloud, tmp_path, told), MODEL) == WORDS
    assert cloud.used == [token]
    assert len(cloud.wanted) == 1


def test_a_key_and_a_key_file_go_before_a_managed_identity(cloud: Azure, tmp_path: Path) -> None:
    wrote(tmp_path / "keys.toml", 'azure = "plain-key"\n')
    for told in ({}, {"AZURE_API_KEY": "another-key"}):
        with Client(**settings(cloud, tmp_path, {**APP_SERVICE, **told})) as client:
            client.complete(MODEL, "Hi")
    assert (cloud.used, cloud.wanted) == (["plain-key", "another-key"], [])


@pytest.mark.parametrize("told", [WORKLOAD, APP_SERVICE, {}])
def test_a_token_is_asked_for_once_by_many_and_again_when_it_ends(cloud: Azure, tmp_path: Path, told: dict[str, str]) -> None:
    with Client(**settings(cloud, tmp_path, told)) as client, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: client.complete(MODEL, "Hi").text, range(16))) == {WORDS}
    assert len(cloud.wanted) == 1
    cloud.lifetime_s = 0
    with Client(**settings(cloud, tmp_path, told)) as client:
        for _ in range(2):
            client.complete(MODEL, "Hi")
    assert len(cloud.wanted) == 3


def test_a_token_that_others_write_anew_is_read_when_another_is_asked_for(cloud: Azure, tmp_path: Path) -> None:
    made = settings(cloud, tmp_path, WORKLOAD)
    wrote(tmp_path / "federated", "an-older-token")
    with Client(**made) as client:
        with pytest.raises(AuthFailed):
            client.complete(MODEL, "Hi")
        wrote(tmp_path / "federated", f"{FEDERATED}\n")
        assert client.complete(MODEL, "Hi").text == WORDS


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Azure CLI, as far as it is wanted: it prints what the file ``printed`` holds, and writes down what it was told."""
    code = f"import pathlib, sys\nfolder = pathlib.Path({str(tmp_path)!r})\n"
    code += "(folder / 'told').write_text(' '.join(sys.argv[1:]))\nprint((folder / 'printed').read_text())\n"
    path = wrote(tmp_path / "bin" / "az", f"#!{sys.executable}\n{code}")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent))
    return tmp_path


@both
@pytest.mark.parametrize("named", ["dev", "AzureCliCredential"])
def test_a_developers_own_login_is_used_where_it_is_named(cloud: Azure, az: Path, ask: Ask, named: str) -> None:
    ends = int(time.time() + 3600)
    wrote(az / "printed", json.dumps({"accessToken": "token-of-mine", "expires_on": ends, "tenant": "t", "tokenType": "Bearer"}))
    assert ask(settings(cloud, az, {"AZURE_TOKEN_CREDENTIALS": named, "AZURE_TENANT_ID": "tenant"}), MODEL) == WORDS
    assert (cloud.used, cloud.wanted) == (["token-of-mine"], [])
    told = "account get-access-token --output json --resource https://cognitiveservices.azure.com --tenant tenant"
    assert (az / "told").read_text() == told


@pytest.mark.parametrize("printed", ["", "{}", '{"accessToken": 5, "x": "very-secret"}', '{"accessToken": "very\\nsecret"}'])
def test_a_login_that_gives_no_token_is_said(cloud: Azure, az: Path, printed: str) -> None:
    wrote(az / "printed", printed)
    error = fails(cloud, az, {"AZURE_TOKEN_CREDENTIALS": "dev"})
    assert (type(error), error.message) == (AuthFailed, "the Azure CLI printed no token")
    (az / "printed").unlink()
    assert "the program 'az' ended with status 1: Traceback" in fails(cloud, az, {"AZURE_TOKEN_CREDENTIALS": "dev"}).message


def fails(cloud: Azure, home: Path, told: dict[str, str]) -> DragomanError:
    with Client(**settings(cloud, home, told)) as client:
        with pytest.raises(DragomanError) as caught:
            client.complete(MODEL, "Hi")
        return caught.value


def test_a_machine_without_an_identity_is_said_with_every_other_way(cloud: Azure, tmp_path: Path) -> None:
    cloud.has_identity = False
    error = fails(cloud, tmp_path, {})
    assert isinstance(error, MissingKey)
    assert "AZURE_API_KEY" in error.message
    assert f"asked last was the metadata of the machine, {cloud.url}/metadata/identity/oauth2/token: " in error.message
    assert "Identity not found" in error.message


def test_a_machine_that_does_not_answer_is_said(cloud: Azure, tmp_path: Path) -> None:
    error = fails(cloud, tmp_path, {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"})
    assert isinstance(error, MissingKey)
    assert "asked last was the metadata of the machine, http://127.0.0.1:1/" in error.message


def test_where_the_user_forbids_it_no_machine_is_asked(cloud: Azure, tmp_path: Path) -> None:
    for told in ("EnvironmentCredential", "WorkloadIdentityCredential"):
        assert isinstance(fails(cloud, tmp_path, {"AZURE_TOKEN_CREDENTIALS": told, **APP_SERVICE}), MissingKey)
    assert cloud.asked == []


@pytest.mark.parametrize("told", [WORKLOAD, APP_SERVICE, LEARNING])
def test_a_refusal_is_said_and_nothing_secret_is_shown(cloud: Azure, tmp_path: Path, told: dict[str, str]) -> None:
    cloud.failing = [(403, f'{{"error":"no","error_description":"{FEDERATED} {HEADER}"}}'.encode())]
    error = fails(cloud, tmp_path, told)
    assert isinstance(error, AuthFailed)
    assert "the token endpoint gave no token: no: " in error.message
    assert (FEDERATED if told is WORKLOAD else HEADER) not in f"{error} {error.body}"


def test_a_fault_of_the_machine_is_no_lack_of_an_identity(cloud: Azure, tmp_path: Path) -> None:
    cloud.failing = [(500, b"")]
    assert isinstance(fails(cloud, tmp_path, {}), ServerFault)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"AZURE_FEDERATED_TOKEN_FILE": "x"}, "AZURE_FEDERATED_TOKEN_FILE is set, but not AZURE_TENANT_ID and AZURE_CLIENT_ID"),
    ({**WORKLOAD, "AZURE_FEDERATED_TOKEN_FILE": "/nowhere"}, "/nowhere: cannot be read"),
    ({**APP_SERVICE, "IDENTITY_SERVER_THUMBPRINT": "x"}, "the managed identity of Service Fabric is not spoken to; get a token by: az"),
    ({"IDENTITY_ENDPOINT": "{url}", "IMDS_ENDPOINT": "{url}"}, "the managed identity of Azure Arc is not spoken to"),
    ({**APP_SERVICE, "IDENTITY_ENDPOINT": "x"}, "IDENTITY_ENDPOINT: 'x' was found"),
    ({**LEARNING, "MSI_ENDPOINT": "x"}, "MSI_ENDPOINT: 'x' was found"),
]


@pytest.mark.parametrize(("told", "words"), WRONG)
def test_what_is_wrong_is_said_and_nobody_is_asked(cloud: Azure, tmp_path: Path, told: dict[str, str], words: str) -> None:
    error = fails(cloud, tmp_path, told)
    assert isinstance(error, UsageError)
    assert words in error.message
    assert cloud.asked == []
