"""Bedrock's pictures in the form of Stability AI's models: both roles and back, and boto3 as client of the server role."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore has no types

from dragoman.core.embedding import Embeddings
from dragoman.core.errors import BadReply, BadRequest, ContentFiltered, DragomanError, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Image
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.wire.bedrock_converse import embed
from dragoman.wire.bedrock_converse import images as speaking
from dragoman.wire.operations import asked_for
from dragoman.wire.quirks import NONE
from tests.wire.bedrock_converse.test_sdk_client import sdk
from tests.wire.served import serving

NAME = "bedrock_converse"
CORE, ULTRA, DIFFUSION = "stability.stable-image-core-v1:1", "us.stability.stable-image-ultra-v1:1", "stability.sd3-5-large-v1:0"
PNG = Image(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")
JPEG = Image(data=b"\xff\xd8\xff", media_type="image/jpeg")
MADE = Pictures(pictures=(Picture(image=PNG),), extra={NAME: {"seeds": [7]}})

ROUNDS = [
    PictureRequest(model=CORE, prompt="A panda", size="16:9", format="png", extra={NAME: {"seed": 7, "negative_prompt": "bamboo"}}),
    PictureRequest(model=DIFFUSION, prompt="A red panda", images=(JPEG,), extra={NAME: {"strength": 0.4}}),
]


@pytest.mark.parametrize("request_", ROUNDS)
def test_request_and_answer_come_back(request_: PictureRequest) -> None:
    call = speaking.encode_request(request_, NONE)
    assert call.warnings == ()
    assert speaking.decode_request(call, NONE) == request_
    assert speaking.decode_reply(speaking.encode_reply(MADE, request_, NONE), NONE) == MADE


def test_request_is_written_as_amazon_documents_it() -> None:
    call = speaking.encode_request(ROUNDS[1], NONE)
    assert call.url == "/model/stability.sd3-5-large-v1%3A0/invoke"
    assert json.loads(call.body) == {"prompt": "A red panda", "mode": "image-to-image", "image": "/9j/", "strength": 0.4}


@pytest.mark.parametrize(
    ("more", "named", "written"),
    [
        ({"quality": "high", "background": "opaque", "user": "u", "n": 2}, ["quality", "background", "user", "n"], {}),
        ({"size": "2100x900"}, ["size"], {"aspect_ratio": "21:9"}),
        ({"size": "1000x999"}, ["size"], {}),
        ({"size": "auto"}, ["size"], {}),
        ({"images": (JPEG,), "size": "1:1"}, ["strength", "size"], {"mode": "image-to-image", "image": "/9j/", "strength": 0.7}),
        ({"model": "arn:aws:bedrock:us-east-1:0:application-inference-profile/x"}, ["model"], {}),
        ({"extra": {"gemini": {"a": 1}}}, ["a"], {}),
    ],
)
def test_what_cannot_be_said_is_named(more: dict[str, Any], named: list[str], written: dict[str, Any]) -> None:
    call = speaking.encode_request(PictureRequest(**{"model": CORE, "prompt": "A panda", **more}), NONE)
    assert [warning.partition(":")[0] for warning in call.warnings] == named
    assert json.loads(call.body) == {"prompt": "A panda", **written}


@pytest.mark.parametrize("more", [{"mask": PNG}, {"images": (PNG, PNG)}, {"images": (Image(url="https://example.com/a.png"),)}])
def test_what_these_models_cannot_do_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        speaking.encode_request(PictureRequest(model=CORE, prompt="A panda", **more), NONE)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (f"/model/{CORE}/converse", b'{"prompt":"a"}'),
        (f"/model/{CORE}/invoke", b"{}"),
        (f"/model/{CORE}/invoke", b'{"prompt":"a","mode":"image-to-image"}'),
        (f"/model/{CORE}/invoke", b'{"prompt":"a","mode":"text-to-image","image":"/9j/"}'),
        (f"/model/{CORE}/invoke", b'{"prompt":"a","image":"?"}'),
    ],
)
def test_call_for_something_else_is_refused(url: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        speaking.decode_request(Call("POST", url, (), body), NONE)


def test_mode_may_be_said_where_it_is_the_customary_one() -> None:
    body = b'{"prompt":"a","mode":"text-to-image"}'
    assert speaking.decode_request(Call("POST", f"/model/{CORE}/invoke", (), body), NONE) == PictureRequest(model=CORE, prompt="a")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"finish_reasons":["Filter reason: prompt"]}', ContentFiltered),
        (b'{"finish_reasons":["Inference error"]}', BadReply),
        (b'{"finish_reasons":[null],"images":[]}', BadReply),
        (b'{"images":["?"]}', BadReply),
        (b"{}", BadReply),
    ],
)
def test_answer_without_a_picture_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        speaking.decode_reply(Reply(200, (), body), NONE)


def test_picture_that_is_elsewhere_cannot_be_answered_with() -> None:
    with pytest.raises(Unsupported):
        speaking.encode_reply(Pictures(pictures=(Picture(image=Image(url="https://example.com/a.png")),)), ROUNDS[0], NONE)


@pytest.mark.parametrize("model", [CORE, ULTRA, DIFFUSION.replace(":", "%3A")])
def test_route_has_models_for_pictures_alone(model: str) -> None:
    assert re.fullmatch(speaking.ROUTES[0], f"/model/{model}/invoke")
    assert not re.fullmatch(speaking.ROUTES[0], f"/model/{model}/converse")
    assert not re.fullmatch(speaking.ROUTES[0], "/model/amazon.titan-embed-text-v2:0/invoke")


@pytest.mark.parametrize(
    ("url", "body", "name"),
    [
        (f"/model/{CORE}/invoke", b'{"prompt":"a"}', "generate_image"),
        ("/model/arn%3Aaws%3Abedrock%3A%3A0%3Aapplication-inference-profile%2Fx/invoke", b'{"prompt":"a"}', "generate_image"),
        ("/model/meta.llama3-8b-instruct-v1:0/invoke", b'{"prompt":"a"}', "embed"),
        ("/model/amazon.titan-embed-text-v1/invoke", b'{"inputText":"a"}', "embed"),
        (f"/model/{CORE}/invoke", b"?", None),
        (f"/model/{CORE}/converse", b'{"prompt":"a"}', None),
    ],
)
def test_call_at_the_path_of_both_tells_what_it_asks_for(url: str, body: bytes, name: str | None) -> None:
    assert asked_for(NAME, Call("POST", url, (), body)) == name


# --- boto3 ------------------------------------------------------------------------------------------------------------------------------


def invoked(answer: Pictures | DragomanError, model: str, body: Any) -> tuple[Any, list[PictureRequest]]:
    """What boto3 is answered, and what was asked; embeddings are served beside."""
    asked: list[PictureRequest] = []

    def said(request: PictureRequest) -> Pictures:
        asked.append(request)
        if isinstance(answer, DragomanError):
            raise answer
        return answer

    beside = {"generate_image": said, "embed": lambda request: Embeddings(vectors=((0.5,),))}
    with serving(NAME, operations=beside) as served, sdk(served.root) as client:
        told = client.invoke_model(modelId=model, body=json.dumps(body), accept="application/json", contentType="application/json")
        return json.loads(told["body"].read()), asked


@pytest.mark.parametrize("model", [CORE, ULTRA, DIFFUSION, f"arn:aws:bedrock:us-east-1::foundation-model/{CORE}"])
def test_boto3_is_given_a_picture(model: str) -> None:
    told, (asked,) = invoked(MADE, model, {"prompt": "A panda", "aspect_ratio": "1:1", "output_format": "png", "seed": 7})
    assert asked == PictureRequest(model=model, prompt="A panda", size="1:1", format="png", extra={NAME: {"seed": 7}})
    assert told == {"seeds": [7], "finish_reasons": [None], "images": [base64.b64encode(PNG.data or b"").decode()]}


def test_boto3_is_given_a_vector_by_other_models() -> None:
    told, asked = invoked(MADE, "amazon.titan-embed-text-v1", {"inputText": "Hi"})
    assert (told["embedding"], asked) == ([0.5], [])
    assert embed.PATH == speaking.PATH


def test_boto3_is_told_errors() -> None:
    with pytest.raises(ClientError, match="No pandas"):
        invoked(ContentFiltered("No pandas."), CORE, {"prompt": "A panda"})
