"""The gateway calls clouds with what they lend it: passed through or translated, each call is signed as the library's are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dragoman.gateway.config.file import read_config
from dragoman.gateway.config.tables import Config, ProviderTable
from dragoman.gateway.setup import Start
from dragoman.settings import Surroundings
from tests.gateway.stage import Stage
from tests.library import aws_cloud, google_cloud
from tests.library.cloud import ANSWERS, WORDS
from tests.library.test_aws_credentials import PLACES, surroundings

NOVA = "us.amazon.nova-lite-v1:0"
GEMINI = "gemini-2.5-flash"
ASKED = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
CHAT = {"messages": [{"role": "user", "content": "Hi"}]}


@contextmanager
def bedrock(aws: aws_cloud.Aws, home: Path, place: str) -> Iterator[Stage]:
    environment = surroundings(aws, home, *PLACES[place])
    with Stage(["gravityengine"], {"providers": {"bedrock": {"base_url": aws.url}}}, environment) as stage:
        yield stage


@contextmanager
def vertex(cloud: google_cloud.Google) -> Iterator[Stage]:
    environment = {"HOME": "/nonexistent", "GCE_METADATA_HOST": cloud.url.removeprefix("http://"), "VERTEX_BASE_URL": cloud.url}
    with Stage(["gravityengine"], {"providers": {"vertex": {}}}, environment) as stage:
        yield stage


@pytest.mark.parametrize("place", ["a pod's identity", "a role of a profile's identity", "the machine"])
def test_bedrock_is_called_with_lent_keys_passed_through_and_translated(tmp_path: Path, place: str) -> None:
    with aws_cloud.serving() as aws, bedrock(aws, tmp_path, place) as stage:
        passed = httpx.post(f"{stage.url}/model/bedrock%2F{NOVA}/converse", json=ASKED)
        assert (passed.status_code, passed.json()) == (200, ANSWERS["converse"])
        assert aws.asked[-1].body == passed.request.content
        translated = httpx.post(f"{stage.url}/v1/chat/completions", json={"model": f"bedrock/{NOVA}", **CHAT})
        assert translated.json()["choices"][0]["message"]["content"] == WORDS
        assert len(aws.signed_by) == 2
        assert len({access for access, _ in aws.signed_by}) == 1
        assert len(aws.wanted) == len({asked.path + asked.method + asked.body.decode() for asked in aws.wanted}), "each is asked once"


def test_many_callers_of_the_gateway_share_what_is_lent(tmp_path: Path) -> None:
    with aws_cloud.serving() as aws, bedrock(aws, tmp_path, "the machine") as stage, ThreadPoolExecutor(8) as pool:
        asked = f"{stage.url}/model/bedrock%2F{NOVA}/converse"
        assert set(pool.map(lambda _: httpx.post(asked, json=ASKED).status_code, range(16))) == {200}
        assert len(aws.wanted) == 3


def test_vertex_is_called_with_the_machines_token_passed_through_and_translated() -> None:
    with google_cloud.serving() as cloud, vertex(cloud) as stage:
        passed = httpx.post(f"{stage.url}/v1beta/models/vertex%2F{GEMINI}:generateContent", json=CONTENTS)
        assert (passed.status_code, passed.json()) == (200, ANSWERS["generateContent"])
        assert cloud.calls[-1].body == passed.request.content
        translated = httpx.post(f"{stage.url}/v1/chat/completions", json={"model": f"vertex/{GEMINI}", **CHAT})
        assert translated.json()["choices"][0]["message"]["content"] == WORDS
        assert len(set(cloud.used)) == 1
        assert len(cloud.wanted) == 2, "the project and the token"


def test_a_machine_that_lends_nothing_is_said_to_the_caller(tmp_path: Path) -> None:
    with aws_cloud.serving() as aws, bedrock(aws, tmp_path, "the machine") as stage:
        aws.has_role = False
        refused = httpx.post(f"{stage.url}/v1/chat/completions", json={"model": f"bedrock/{NOVA}", **CHAT})
        assert refused.status_code >= 400
        assert "choices" not in refused.json()
        assert "needs credentials" in refused.text


def test_a_cloud_that_nobody_named_is_not_served_and_one_that_is_named_is(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "DRAGOMAN_HOME": str(tmp_path), "AWS_REGION": "eu-west-1", "OPENAI_API_KEY": "sk-of-a-user"}
    for served, named in (("openai", Config()), ("vertex", Config(providers={"vertex": ProviderTable()}))):
        assert set(Start(made=named).read(Surroundings(environment)).providers) == {served}


@pytest.mark.parametrize("providers", ["", "[providers.vertex]\n"])
def test_a_file_may_name_a_cloud_whose_machine_has_to_be_asked(tmp_path: Path, providers: str) -> None:
    path = tmp_path / "dragoman.toml"
    environment = {"HOME": str(tmp_path), "OPENAI_API_KEY": "sk-of-a-user"}
    path.write_text(f'discover = true\n{providers}[models.fast]\ntargets = ["vertex/gemini-2.5-flash"]\n')
    assert read_config(path, environment).models["fast"].targets == ("vertex/gemini-2.5-flash",)


def test_what_the_guide_shows_is_a_file_that_passes_the_check(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "how-to" / "cloud-credentials.md").read_text("utf-8")
    (shown,) = re.findall(r"^```toml\n(.*?)^```", guide, re.M | re.S)
    path = tmp_path / "dragoman.toml"
    path.write_text(shown)
    config = read_config(path, {"HOME": str(tmp_path), "AWS_REGION": "eu-west-1"})
    assert set(config.providers) == {"bedrock", "bedrock-other-account", "vertex"}
