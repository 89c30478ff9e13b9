"""``providers``, ``models`` and ``doctor``: what is set up, what answers, what to do; and no key in any of it."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, Timeouts
from dragoman.catalogue.load import Catalogue
from dragoman.cli.doctor import _EXTRAS
from dragoman.cli.reach import ask_models
from dragoman.core.errors import ConnectFailed
from dragoman.core.exchange import Call
from dragoman.emulator import Emulator
from dragoman.settings import Surroundings
from dragoman.transport.seam import Incoming
from tests.cli.conftest import NOWHERE, SECRET
from tests.cli.terminal import run
from tests.library.aws_cloud import REGION, Aws
from tests.library.aws_cloud import serving as lending
from tests.library.cloud import ACCESS, Cloud, serving
from tests.library.cloud import SECRET as CLOUD_SECRET
from tests.sign.keys import service_account, text


def read(*arguments: str, environment: dict[str, str], code: int = 0) -> Any:
    told = run(*arguments, "--json", environment=environment)
    assert told.returncode == code, told.stderr
    return json.loads(told.stdout)


def finding(told: Any, name: str) -> Any:
    return next(one for one in told["providers"] if one["name"] == name)


@pytest.mark.parametrize(
    "arguments", [["providers"], ["models"], ["models", "openai", "--live"], ["doctor"], ["doctor", "openai", "raycast"]]
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_key_is_printed(arguments: list[str], form: list[str], around: dict[str, str]) -> None:
    told = run(*arguments, *form, environment={**around, "RAYCAST_API_KEY": SECRET, "RAYCAST_BASE_URL": NOWHERE})
    assert told.stdout
    assert SECRET not in told.stdout + told.stderr


def test_providers_lists_every_row_and_where_its_key_is(around: dict[str, str]) -> None:
    told = run("providers", environment=around)
    lines = {line.split()[0]: line for line in told.stdout.splitlines()[1:]}
    assert set(lines) == set(Catalogue().names())
    assert "OPENAI_API_KEY" in lines["openai"]
    assert "by OPENAI_BASE_URL" in lines["openai"]
    assert "missing: RAYCAST_API_KEY" in lines["raycast"]
    assert "(gone)" in lines["raycast"]


def test_providers_as_json_names_variables_and_files(around: dict[str, str]) -> None:
    folder = Path(around["DRAGOMAN_HOME"])
    folder.mkdir()
    (folder / "keys.toml").write_text(f'raycast = "{SECRET}"\n')
    rows = {row["name"]: row for row in read("providers", environment=around)}
    assert rows["openai"]["key"] == "OPENAI_API_KEY"
    assert rows["raycast"]["key"] == str(folder / "keys.toml")
    assert rows["lockchat"]["key"] is None
    assert rows["openai"]["base_url_variable"] == "OPENAI_BASE_URL"


def test_a_password_in_an_address_is_not_printed(around: dict[str, str]) -> None:
    told = run("providers", environment={**around, "OPENAI_BASE_URL": f"http://user:{SECRET}@127.0.0.1:9/v1?key={SECRET}"})
    assert SECRET not in told.stdout


def test_models_are_names_that_chat_takes(around: dict[str, str]) -> None:
    models = [one["model"] for one in read("models", environment=around)]
    assert "openai/gpt-4.1" in models
    assert all("/" in model for model in models)
    assert [one["model"] for one in read("models", "raycast", environment=around)] == ["raycast/gpt-3.5-turbo", "raycast/gpt-4"]


def test_live_models_are_the_servers_own(around: dict[str, str]) -> None:
    listed = read("models", "ollama", "--live", environment={**around, "OLLAMA_BASE_URL": around["OPENAI_BASE_URL"], "OLLAMA_API_KEY": "x"})
    assert [one["model"] for one in listed][:1] == ["ollama/gpt-4.1"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["models", "--live"], 2, "UsageError: provider: none was named"),
        (["models", "opnai"], 2, "did you mean 'openai'?"),
        (["models", "raycast", "--live"], 2, "MissingKey"),
        (["models", "ollama", "--live"], 1, "ConnectFailed"),
        (["doctor", "opnai"], 2, "did you mean 'openai'?"),
        (["doctor", "--timeout", "0"], 2, "UsageError"),
    ],
)
def test_a_wrong_use_is_one_clear_line(arguments: list[str], code: int, error: str, around: dict[str, str]) -> None:
    told = run(*arguments, environment=around)
    assert told.returncode == code
    assert told.stderr.startswith("error: ")
    assert error in told.stderr.splitlines()[0]


def test_a_live_list_that_is_none_is_a_bad_reply(around: dict[str, str]) -> None:
    told = run("models", "openai", "--live", environment={**around, "OPENAI_BASE_URL": around["OPENAI_BASE_URL"].removesuffix("/v1")})
    assert told.returncode == 1
    assert "status 404" in told.stderr


def test_doctor_finds_what_is_ready_and_says_how_to_use_it(around: dict[str, str]) -> None:
    told = run("doctor", environment=around)
    assert told.returncode == 0
    assert "✓ openai: dragoman chat -m openai" in told.stdout
    assert "OPENAI_API_KEY" in told.stdout
    one = finding(read("doctor", environment=around), "openai")
    assert (one["state"], one["status"], one["key"]) == ("ready", 200, "OPENAI_API_KEY")


def test_doctor_says_where_the_refused_key_was_found(around: dict[str, str]) -> None:
    told = read("doctor", "openai", environment={**around, "OPENAI_API_KEY": "wrong-key"}, code=1)
    one = finding(told, "openai")
    assert one["state"] == "key refused"
    assert "OPENAI_API_KEY" in one["advice"]


def test_doctor_explains_a_missing_key_and_an_unreachable_address(around: dict[str, str], emulator: Emulator) -> None:
    environment = {**around, "RAYCAST_BASE_URL": emulator.url("raycast"), "LOCKCHAT_BASE_URL": NOWHERE}
    told = read("doctor", "raycast", "lockchat", environment=environment, code=1)
    assert finding(told, "raycast")["state"] == "key missing"
    assert "export RAYCAST_API_KEY=" in finding(told, "raycast")["advice"]
    assert finding(told, "lockchat")["state"] == "unreachable"
    assert "refused" in finding(told, "lockchat")["advice"]


def test_doctor_contacts_only_what_is_set_up_named_or_local(around: dict[str, str]) -> None:
    names = {one["name"] for one in read("doctor", environment=around)["providers"]}
    local = {row.name for row in Catalogue() if row.local}
    assert names == {"openai", "openai_responses"} | local, "one key sets up both of OpenAI's wires"


def test_doctor_finds_a_local_server_by_its_models(bare: dict[str, str], emulator: Emulator) -> None:
    told = read("doctor", environment={**bare, "OLLAMA_BASE_URL": emulator.url("openai"), "OLLAMA_API_KEY": "any"})
    assert finding(told, "ollama")["advice"].startswith("dragoman chat -m ollama/gpt-4.1")


def test_doctor_with_nothing_set_up_says_what_to_do_and_ends_with_1(bare: dict[str, str]) -> None:
    unset = {name: value for name, value in bare.items() if value != NOWHERE}
    told = run("doctor", "raycast", "--timeout", "0.5", environment={**unset, "RAYCAST_BASE_URL": NOWHERE})
    assert told.returncode == 1
    assert "raycast" in told.stdout


# --- clouds


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with serving() as there:
        yield there


def account(cloud: Cloud, folder: Path) -> dict[str, dict[str, str]]:
    """What sets each cloud's row up, with a service that checks who calls."""
    robot = folder / "robot.json"
    robot.write_text(text(service_account(token_uri=f"{cloud.url}/token")))
    return {
        "bedrock": {
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": CLOUD_SECRET,
            "AWS_REGION": cloud.region,
            "AWS_BEDROCK_RUNTIME_ENDPOINT": cloud.url,
        },
        "vertex": {"GOOGLE_APPLICATION_CREDENTIALS": str(robot), "VERTEX_BASE_URL": cloud.url},
        "azure": {
            "AZURE_TENANT_ID": "tenant-1",
            "AZURE_CLIENT_ID": "client-1",
            "AZURE_CLIENT_SECRET": "very secret+/=",
            "AZURE_AUTHORITY_HOST": cloud.url,
            "AZURE_API_BASE": cloud.url,
        },
    }


PATHS = {
    "bedrock": "/foundation-models",
    "vertex": "/v1beta1/publishers/google/models",
    "azure": "/openai/models?api-version=2024-10-21",
}


@pytest.mark.parametrize("name", PATHS)
def test_a_clouds_question_is_signed_as_a_call_is(name: str, bare: dict[str, str], cloud: Cloud, tmp_path: Path) -> None:
    environment = {**bare, **account(cloud, tmp_path)[name]}
    one = finding(read("doctor", name, environment=environment), name)
    assert (one["state"], one["status"]) == ("ready", 200)
    assert [asked.path for asked in cloud.calls] == [PATHS[name]]
    assert len(cloud.authorized) == 1
    assert name in [found["name"] for found in read("doctor", environment=environment)["providers"]]


def test_models_of_a_cloud_are_named_as_chat_takes_them(bare: dict[str, str], cloud: Cloud, tmp_path: Path) -> None:
    told = account(cloud, tmp_path)
    listed = [one["model"] for name in ("bedrock", "vertex") for one in read("models", name, "--live", environment={**bare, **told[name]})]
    assert listed == ["bedrock/amazon.nova-2-lite-v1:0", "vertex/gemini-2.5-flash"]


@pytest.mark.parametrize(
    ("name", "wrong", "status"),
    [
        ("bedrock", {"AWS_SECRET_ACCESS_KEY": "no-such-secret"}, 401),
        ("vertex", {"CLOUDSDK_AUTH_ACCESS_TOKEN": "gone-token", "GOOGLE_APPLICATION_CREDENTIALS": ""}, 401),
        ("azure", {"AZURE_CLIENT_SECRET": "no-such-secret"}, 401),
    ],
)
def test_a_clouds_refusal_is_told_and_its_secrets_are_not(
    name: str, wrong: dict[str, str], status: int, bare: dict[str, str], cloud: Cloud, tmp_path: Path
) -> None:
    environment = {**bare, **account(cloud, tmp_path)[name], **wrong}
    told = run("doctor", name, "--json", environment=environment)
    assert told.returncode == 1
    one = finding(json.loads(told.stdout), name)
    assert (one["state"], one["status"]) == ("key refused", status)
    assert not any(secret in told.stdout + told.stderr for secret in wrong.values() if secret)


@pytest.mark.parametrize("name", PATHS)
def test_a_cloud_without_credentials_is_told_what_it_needs(name: str, bare: dict[str, str]) -> None:
    one = finding(read("doctor", name, environment=bare, code=1), name)
    assert one["state"] == "key missing"
    assert "credentials" in one["advice"]


def of_the_machine(bare: dict[str, str], aws: Aws) -> dict[str, str]:
    """A machine of AWS, on which nothing but its region is named."""
    here = {"AWS_REGION": REGION, "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url, "AWS_BEDROCK_RUNTIME_ENDPOINT": aws.url}
    return {**bare, **here, "AWS_EC2_METADATA_DISABLED": "false"}


def test_doctor_says_who_lends_the_keys_and_until_when(bare: dict[str, str]) -> None:
    with lending() as aws:
        environment = of_the_machine(bare, aws)
        one = finding(read("doctor", "bedrock", environment=environment), "bedrock")
        shown = " ".join(run("doctor", "bedrock", environment=environment).stdout.split())
    assert (one["state"], one["key"]) == ("ready", f"the machine's role, told by {aws.url}")
    assert datetime.fromisoformat(one["key_ends"]) > datetime.now(UTC)
    assert "until 20" in shown


def test_doctor_says_what_was_tried_where_the_machine_lends_nothing(bare: dict[str, str]) -> None:
    with lending() as aws:
        aws.has_role = False
        one = finding(read("doctor", "bedrock", environment=of_the_machine(bare, aws), code=1), "bedrock")
    assert (one["state"], one["key_ends"]) == ("key missing", None)
    assert f"asked last was the metadata of the machine, {aws.url}" in one["advice"]


def test_who_names_no_cloud_has_no_machine_asked(bare: dict[str, str]) -> None:
    with lending() as aws:
        environment = {**of_the_machine(bare, aws), "GCE_METADATA_IP": aws.url.removeprefix("http://"), "NO_GCE_CHECK": ""}
        del environment["AWS_BEDROCK_RUNTIME_ENDPOINT"]
        for command in (("doctor",), ("providers",), ("models",)):
            run(*command, environment=environment)
        names = {one["name"] for one in json.loads(run("doctor", "--json", environment=environment).stdout)["providers"]}
    assert names & {"bedrock", "vertex", "azure", "azure_ai"} == set()
    assert aws.asked == []


def test_a_clouds_own_address_for_its_models_gives_way_to_the_users(tmp_path: Path) -> None:
    """Without one, Bedrock's list is not where its models are called."""
    around = Surroundings({"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-3"}, tmp_path)
    called: list[str] = []

    class Nowhere:
        def open(self, call: Call, *_: object) -> Incoming:
            called.append(call.url)
            raise ConnectFailed("not here")

        def close(self) -> None: ...

    for more in ({}, {"AWS_BEDROCK_RUNTIME_ENDPOINT": "https://own.test/bedrock"}):
        with Client(environment={**around.environment, **more}, http=Nowhere()) as client, pytest.raises(ConnectFailed):
            ask_models(client, Catalogue().provider("bedrock"), Timeouts())
    assert called == ["https://bedrock.eu-west-3.amazonaws.com/foundation-models", "https://own.test/bedrock/foundation-models"]


# --- this machine


def test_doctor_names_keys_under_names_that_are_no_providers(around: dict[str, str]) -> None:
    folder = Path(around["DRAGOMAN_HOME"])
    folder.mkdir()
    (folder / "keys.toml").write_text(f'opnai = "{SECRET}"\nraycast = "{SECRET}"\n')
    assert read("doctor", "openai", environment=around)["unknown_keys"] == ["'opnai' is no provider; did you mean 'openai'?"]
    told = run("doctor", "openai", environment=around)
    assert "keys.toml: 'opnai' is no provider; did you mean 'openai'?" in told.stdout
    assert SECRET not in told.stdout


def test_doctor_tells_of_this_machine_without_its_secrets(around: dict[str, str]) -> None:
    environment = {**around, "HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    told = read("doctor", environment=environment)
    assert told["proxy"]["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert "cli" in told["extras"]
    assert not {*told["extras"]} & {*told["extras_missing"]}
    assert told["python"].startswith("3.")
    assert SECRET not in json.dumps(told)


@pytest.mark.parametrize("absent", ["genai_prices", "opentelemetry"])
def test_doctor_names_the_extras_that_are_missing_and_how_to_have_them(absent: str, around: dict[str, str]) -> None:
    hide = f"import importlib.util as u\nreal = u.find_spec\nu.find_spec = lambda name: None if name == {absent!r} else real(name)"
    code = f"{hide}\nimport sys; sys.argv = ['dragoman', 'doctor', 'openai']\nfrom dragoman.cli import main\nmain()"
    told = subprocess.run([sys.executable, "-c", code], env=around, capture_output=True, text=True, timeout=60, check=False)
    extra = {"genai_prices": "prices", "opentelemetry": "otel"}[absent]
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("without ")]
    assert extra in line.partition(";")[0]
    assert "pip install 'dragoman[all]'" in line


def test_the_extras_that_doctor_knows_are_those_of_the_package() -> None:
    path = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {*_EXTRAS} == {*extras} - {"all"}
