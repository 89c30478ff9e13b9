"""The gateway's description of itself: OpenAPI's own validator takes it, and everything in it is there."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.gateway.stage import Stage


def test_the_document_is_valid(stage: Stage) -> None:
    document = httpx.get(f"{stage.url}/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_everything_in_it_is_served(make_stage: Any) -> None:
    stage = make_stage(("openai",), {"admin": {"key": "key-of-an-administrator-0123456789"}})
    for path, methods in httpx.get(f"{stage.url}/openapi.json").json()["paths"].items():
        for method in methods:
            reply = httpx.request(method, stage.url + re.sub(r"{\w+}", "some-model", path), content=b"")
            said = reply.text if reply.status_code in (404, 405) else ""
            assert "nothing is served" not in said, f"{method} {path}: {reply.status_code} {reply.text}"
            assert "was used for" not in said, f"{method} {path}: {reply.status_code} {reply.text}"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/models",
        "/v1/messages",
        "/v1/messages/count_tokens",
    ]
    + [f"/v1beta/models/{{model}}:{verb}" for verb in ("generateContent", "streamGenerateContent", "countTokens", "embedContent")]
    + ["/api/chat", "/api/generate", "/api/tags", "/api/show", "/api/ps", "/api/version"]
    + ["/v1/images/generations", "/v1/images/edits", "/v1/audio/speech"]
    + ["/v1/audio/transcriptions", "/v1/moderations", "/v1/rerank", "/api/v1/ai/chat_completions"],
)
def test_the_customary_paths_are_in_it(stage: Stage, path: str) -> None:
    assert path in httpx.get(f"{stage.url}/openapi.json").json()["paths"]


def test_the_page_needs_no_key_and_loads_nothing_from_elsewhere(stage: Stage) -> None:
    reply = httpx.get(stage.url + "/")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "Point a client here" in reply.text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", reply.text)
    assert "{{" not in reply.text
