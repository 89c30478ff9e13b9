"""The model and the form of the answer stand in the path."""

from __future__ import annotations

import re

import pytest

from dragoman.core.errors import BadRequest
from dragoman.wire import gemini
from dragoman.wire.quirks import NONE
from tests.wire.gemini.roles import HI, NAME, body_of, decoded, request


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("tunedModels/mine-1", "/tunedModels/mine-1"),
        ("endpoints/123", "/endpoints/123"),
        ("google/gemini x?y#z", "/models/google%2Fgemini%20x%3Fy%23z"),
    ],
)
def test_model_stands_in_the_path_and_streaming_is_a_method(model: str, path: str) -> None:
    call = gemini.encode_request(request(model=model), NONE)
    assert (call.method, call.url) == ("POST", f"{path}:generateContent")
    streamed = gemini.encode_request(request(model=model, stream=True), NONE)
    assert streamed.url == f"{path}:streamGenerateContent?alt=sse"
    again = gemini.decode_request(streamed, NONE)
    assert (again.model, again.stream, again.extra) == (model.removeprefix("models/"), True, {})


@pytest.mark.parametrize("model", ["", "models/", "..", "tunedModels/..", "a/../b"])
def test_model_that_would_lead_elsewhere_is_refused(model: str) -> None:
    with pytest.raises(BadRequest, match="model"):
        gemini.encode_request(request(model=model), NONE)


@pytest.mark.parametrize("prefix", ["", "/v1beta", "/v1", "/v1beta1/projects/p/locations/global/publishers/google"])
def test_every_prefix_is_understood(prefix: str) -> None:
    asked = decoded({"contents": [HI]}, f"{prefix}/models/gemini-2.5-flash:streamGenerateContent?alt=sse&key=k")
    assert (asked.model, asked.stream, asked.extra) == ("gemini-2.5-flash", True, {})


def test_routes_match_their_paths_whole() -> None:
    (route,) = gemini.ROUTES
    for path in ("/models/m:generateContent", "/tunedModels/m:streamGenerateContent", "/publishers/google/models/m:generateContent"):
        assert re.fullmatch(route, path)
    for path in ("/models/m:countTokens", "/models:generateContent", "/models/a/b:generateContent", "/x/models/m:generateContent"):
        assert not re.fullmatch(route, path)


def test_stream_without_alt_is_an_array_and_the_mark_is_never_sent() -> None:
    asked = decoded({"contents": [HI]}, "/models/m:streamGenerateContent")
    assert asked.extra == {NAME: {"alt": "json"}}
    assert gemini.encoder(asked, NONE).content_type.startswith("application/json")
    assert body_of(asked) == {"contents": [HI]}


@pytest.mark.parametrize("url", ["/models/m:countTokens", "/models", "/v1/chat/completions", "/models/m:generateContent/x"])
def test_other_paths_are_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        decoded({"contents": [HI]}, url)
