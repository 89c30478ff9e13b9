"""Every OpenAI request that we make is one by OpenAI's own description, of which steady is the strict judge."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from dragoman.core.request import Request
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE, Quirks
from tests.conformance.recordings import ABSENT, FOLDER
from tests.pairs.features import FEATURES, build
from tests.pairs.table import CELLS, REFUSED

from .conftest import free_port, from_npm, running

DESCRIPTION = FOLDER / "openai-openapi-2.3.0.yaml.gz"


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not DESCRIPTION.exists():
        pytest.skip(ABSENT)
    path: Path = tmp_path_factory.mktemp("steady") / "openai.yaml"
    path.write_bytes(gzip.decompress(DESCRIPTION.read_bytes()))
    port = free_port()
    with running([str(from_npm("steady")), "-q", "--host", "127.0.0.1", "-p", str(port), str(path)], port) as address:
        yield address


def asked(feature: str) -> Request:
    return msgspec.structs.replace(build({feature: FEATURES[feature].values[0]}), model="gpt-4.1", stream=False)


CASES = [(name, feature) for name in ("openai_chat", "openai_responses") for feature in FEATURES if CELLS[feature][name] != REFUSED]


@pytest.mark.parametrize(("name", "feature"), CASES)
def test_request_is_one_by_the_description(steady: str, name: str, feature: str) -> None:
    call = dialect(name).encode_request(asked(feature), NONE)
    headers = [*call.headers, ("authorization", "Bearer any")]
    reply = httpx.post(f"{steady}{call.url}", headers=headers, content=call.body, timeout=30)
    assert reply.status_code == 200, reply.text[:2000]


@pytest.mark.parametrize("feature", ["picture from a tool", "document from a tool"])
def test_judge_does_judge(steady: str, feature: str) -> None:
    """It refuses what the description does; a field that it does not know passes."""
    call = dialect("openai_chat").encode_request(asked(feature), Quirks(tool_media=True))
    reply = httpx.post(f"{steady}{call.url}", headers=[*call.headers, ("authorization", "Bearer any")], content=call.body, timeout=30)
    assert reply.status_code == 400
