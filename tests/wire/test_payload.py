"""The guarded JSON parse, media in text, and the dialects by name."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.core.errors import BadReply, BadRequest, Unsupported, UsageError
from dragoman.core.request import Request
from dragoman.wire import dialects, media, payload
from dragoman.wire.carried import uncarried

BAD_JSON = {
    "empty": (b"", "it is empty"),
    "blank": (b" \r\n", "it is empty"),
    "html": (b"\n <html>", "it is HTML or XML, not JSON"),
    "truncated": (b'{"a":', "Input data was truncated"),
    "invalid UTF-8": (b'"\xff"', ""),
    "lone surrogate": (b'"\\ud83c"', ""),
    "deep": (b"[" * 100_000, ""),
    "NaN": (b"NaN", "JSON is malformed"),
    "trailing": (b"1 2", "JSON is malformed"),
    "byte order mark": (b"\xef\xbb\xbf{}", "JSON is malformed"),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_what_is_no_json_is_a_bad_reply_that_shows_it(case: str) -> None:
    data, words = BAD_JSON[case]
    with pytest.raises(BadReply) as caught:
        payload.parse_object(data, "the thing")
    assert caught.value.message.startswith(f"the thing cannot be read: {words}")
    assert caught.value.body == data.decode("utf-8", "replace")[:2000]
    assert payload.try_object(data) is None


@pytest.mark.parametrize(("data", "kind"), [(b"[]", "list"), (b"1", "int"), (b'"a"', "str"), (b"null", "NoneType"), (b"true", "bool")])
def test_what_is_no_object_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(BadReply, match=f"the answer is {kind}, not a JSON object"):
        payload.parse_object(data)
    with pytest.raises(BadRequest, match=f"the request body is {kind}; a JSON object is expected"):
        payload.parse_request(data)


def test_wrong_type_is_told_with_its_place() -> None:
    decoder = msgspec.json.Decoder(dict[str, list[int]])
    with pytest.raises(BadReply, match=r"Expected `int`, got `str` - at `\$\[...\]\[0\]`"):
        payload.parse(b'{"a":["b"]}', decoder)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("{}", True),
        (' {"a":[1]} \n', True),
        ("[]", True),
        ('"a"', True),
        ("1", True),
        ("", False),
        ("{", False),
        ('{"a":1}}', False),
        ("{}{}", False),
    ],
)
def test_whether_a_text_is_one_whole_value(text: str, whole: bool) -> None:
    assert payload.is_complete(text) is whole


def test_snippet_is_short_and_never_fails_inside_a_letter() -> None:
    assert payload.snippet("é".encode() * 5000) == "é" * 2000
    assert payload.snippet("🌊".encode()[:3]) == "\ufffd"


def test_written_json_has_no_blank_and_no_line_end() -> None:
    assert payload.dump({"a": [1, "b\r\n\u2028"], "é": None}) == '{"a":[1,"b\\r\\n\u2028"],"é":null}'.encode()


def test_data_url() -> None:
    url = media.encode_data_url(b"\x00\xff", "image/png")
    assert url == "data:image/png;base64,AP8="
    assert media.decode_data_url(url, "x") == (b"\x00\xff", "image/png")
    assert media.decode_data_url("data:text/plain;charset=utf-8;base64,", "x") == (b"", "text/plain;charset=utf-8")


@pytest.mark.parametrize("url", ["data:", "data:image/png", "data:image/png,abc", "data:image/png;base64;x,YQ=="])
def test_url_without_base64_is_refused_by_its_place(url: str) -> None:
    with pytest.raises(BadRequest) as caught:
        media.decode_data_url(url, "messages[0].image_url")
    assert caught.value.param == "messages[0].image_url"


@pytest.mark.parametrize("text", ["!", "YQ", "YQ==\n", "é", "Y Q=="])
def test_what_is_no_base64_is_refused_by_its_place(text: str) -> None:
    with pytest.raises(BadRequest, match="data: not valid base64: ") as caught:
        media.decode_base64(text, "data")
    assert caught.value.param == "data"


def test_unknown_dialect_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        dialects.dialect("gopher")
    assert caught.value.message == f"dialect: 'gopher' was given; one of {', '.join(dialects.NAMES)} is allowed"


def test_dialect_of_operations_alone_is_told_as_such() -> None:
    with pytest.raises(Unsupported, match="voyage has operations alone and answers no prompts"):
        dialects.dialect("voyage")


@pytest.mark.parametrize("name", ["os", "sse", "../core", ""])
def test_module_that_is_no_dialect_is_not_loaded(name: str) -> None:
    with pytest.raises(UsageError):
        dialects.dialect(name)


def test_fields_that_were_set_and_are_not_carried_are_named() -> None:
    request = Request(model="m", messages=(), seed=0, stop=(), n=None, user="")
    assert uncarried(request, {"model", "messages"}) == [
        "seed: not understood by this provider, left out",
        "user: not understood by this provider, left out",
    ]
