"""Conversations: each kind of content and back, and what is made of what the vendor would refuse."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import (
    AnyPart,
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Role,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.request import Request
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE, Quirks

from .asking import DEEPSEEK, GPT, LLAMA, blocks_of, decoded, encoded, said, turns, user
from .streams import CLAUDE, NAME, body_of

# --- content ----------------------------------------------------------------------------------------------------------------------------

S3 = {"s3Location": {"uri": "s3://bucket/key.png", "bucketOwner": "123456789012"}}
BLOCKS: dict[str, tuple[AnyPart, dict[str, Any]]] = {
    "text": (Text(text="a"), {"text": "a"}),
    "image": (Image(data=b"abc", media_type="image/webp"), {"image": {"format": "webp", "source": {"bytes": "YWJj"}}}),
    "image in S3": (
        Image(url="s3://bucket/key.png", media_type="image/png", extra={NAME: {"bucketOwner": "123456789012"}}),
        {"image": {"format": "png", "source": S3}},
    ),
    "image of a new form": (
        Image(data=b"abc", extra={NAME: {"format": "heic"}}),
        {"image": {"format": "heic", "source": {"bytes": "YWJj"}}},
    ),
    "document": (
        File(data=b"abc", media_type="application/pdf", name="one", extra={NAME: {"context": "c", "citations": {"enabled": True}}}),
        {
            "document": {
                "format": "pdf",
                "name": "one",
                "source": {"bytes": "YWJj"},
                "context": "c",
                "citations": {"enabled": True},
            }
        },
    ),
    "document of text": (
        File(data=b"abc", media_type="text/plain", name="one", extra={NAME: {"asText": True}}),
        {"document": {"format": "txt", "name": "one", "source": {"text": "abc"}}},
    ),
    "document without a form": (
        File(data=b"abc", name="one", extra={NAME: {"asText": True, "format": None}}),
        {"document": {"name": "one", "source": {"text": "abc"}}},
    ),
    "document of blocks": (
        Opaque(extra={NAME: {"document": {"name": "one", "source": {"content": [{"text": "a"}]}}}}),
        {"document": {"name": "one", "source": {"content": [{"text": "a"}]}}},
    ),
    "sound": (Audio(data=b"abc", media_type="audio/mpeg"), {"audio": {"format": "mp3", "source": {"bytes": "YWJj"}}}),
    "video": (
        Opaque(extra={NAME: {"video": {"format": "mp4", "source": {"bytes": "YWJj"}}}}),
        {"video": {"format": "mp4", "source": {"bytes": "YWJj"}}},
    ),
    "guarded text": (
        Text(text="a", extra={NAME: {"guardContent": {"qualifiers": ["query"]}}}),
        {"guardContent": {"text": {"text": "a", "qualifiers": ["query"]}}},
    ),
    "guarded image": (
        Image(data=b"abc", media_type="image/png", extra={NAME: {"guardContent": {}}}),
        {"guardContent": {"image": {"format": "png", "source": {"bytes": "YWJj"}}}},
    ),
    "guarded otherwise": (Opaque(extra={NAME: {"guardContent": {"smell": {}}}}), {"guardContent": {"smell": {}}}),
    "guarded image elsewhere": (
        Opaque(extra={NAME: {"guardContent": {"image": {"format": "png", "source": {"tape": "x"}}}}}),
        {"guardContent": {"image": {"format": "png", "source": {"tape": "x"}}}},
    ),
    "picture elsewhere": (
        Opaque(extra={NAME: {"image": {"format": "png", "source": {"tape": "x"}}}}),
        {"image": {"format": "png", "source": {"tape": "x"}}},
    ),
    "cited text with more": (
        Opaque(extra={NAME: {"citationsContent": {"content": [], "citations": [], "more": 1}}}),
        {"citationsContent": {"content": [], "citations": [], "more": 1}},
    ),
    "search result": (
        Opaque(extra={NAME: {"searchResult": {"source": "s", "title": "t", "content": [{"text": "a"}]}}}),
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "a"}]}},
    ),
    "tomorrow's": (Opaque(extra={NAME: {"hologram": {"x": 1}}}), {"hologram": {"x": 1}}),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_part_is_its_block_and_comes_back(name: str) -> None:
    part, block = BLOCKS[name]
    assert blocks_of(user(part)) == [block]
    assert decoded({"messages": [{"role": "user", "content": [block]}]}).messages == (said("user", part),)


MODELS_OWN: dict[str, tuple[tuple[AnyPart, ...], dict[str, Any]]] = {
    "reasoning": (
        (Reasoning(text="Hm", signature="s"),),
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
    ),
    "hidden reasoning": ((Reasoning(redacted_data="AQID"),), {"reasoningContent": {"redactedContent": "AQID"}}),
    "reasoning to come": ((Opaque(extra={NAME: {"reasoningContent": {"dream": {}}}}),), {"reasoningContent": {"dream": {}}}),
    "call": (
        (ToolCall(id="t", name="n", arguments='{"a":1.0}', extra={NAME: {"type": "tool_use"}}),),
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1.0}, "type": "tool_use"}},
    ),
    "the vendor's call": (
        (Opaque(extra={NAME: {"toolUse": {"toolUseId": "t", "name": "n", "input": {}, "type": "server_tool_use"}}}),),
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {}, "type": "server_tool_use"}},
    ),
    "the vendor's result": (
        (Opaque(extra={NAME: {"toolResult": {"toolUseId": "t", "content": [{"json": {}}], "type": "x_result"}}}),),
        {"toolResult": {"toolUseId": "t", "content": [{"json": {}}], "type": "x_result"}},
    ),
    "cited text": (
        (
            Text(text="Loire"),
            Source(title="T", url="https://x.test", extra={NAME: {"citation": {"title": "T", "source": "https://x.test"}}}),
            Source(extra={NAME: {"citation": {"location": {}}}}),
        ),
        {
            "citationsContent": {
                "content": [{"text": "Loire"}],
                "citations": [{"title": "T", "source": "https://x.test"}, {"location": {}}],
            }
        },
    ),
}


@pytest.mark.parametrize("name", MODELS_OWN)
def test_what_a_model_said_is_replayed_untouched(name: str) -> None:
    parts, block = MODELS_OWN[name]
    body = body_of(turns(said("user", Text(text="a")), said("assistant", *parts)))
    assert body["messages"][1] == {"role": "assistant", "content": [block]}
    assert decoded(body).messages[1] == said("assistant", *parts)


def test_arguments_are_written_as_the_exact_text_that_the_model_wrote() -> None:
    text = '{"z" : 1e2, "a":"\\u00e9", "n": 12345678901234567890123}'
    call = bedrock_converse.encode_request(turns(said("assistant", ToolCall(id="t", name="n", arguments=text))), NONE)
    assert b'"input":' + text.encode() in call.body


@pytest.mark.parametrize("text", ['{"a', "[1]", '"x"', "5"])
def test_arguments_that_are_no_object_go_under_a_key_and_that_is_said(text: str) -> None:
    body, warnings = encoded(turns(said("assistant", ToolCall(id="t", name="n", arguments=text))))
    assert body["messages"][0]["content"][0]["toolUse"]["input"] == {"INVALID_JSON": text}
    assert "INVALID_JSON" in warnings[0]


def test_no_arguments_are_the_empty_object() -> None:
    assert (
        body_of(turns(said("assistant", ToolCall(id="t", name="n", arguments=" "))))["messages"][0]["content"][0]["toolUse"]["input"] == {}
    )


RESULTS: dict[str, tuple[ToolResult, dict[str, Any]]] = {
    "text and picture": (
        ToolResult(id="t", parts=(Text(text="a"), Image(data=b"abc", media_type="image/png"))),
        {"toolUseId": "t", "content": [{"text": "a"}, {"image": {"format": "png", "source": {"bytes": "YWJj"}}}]},
    ),
    "json": (
        ToolResult(id="t", parts=(Text(text='{"a":[1]}', extra={NAME: {"json": True}}),)),
        {"toolUseId": "t", "content": [{"json": {"a": [1]}}]},
    ),
    "document": (
        ToolResult(id="t", parts=(File(data=b"abc", media_type="text/csv", name="one"),)),
        {"toolUseId": "t", "content": [{"document": {"format": "csv", "name": "one", "source": {"bytes": "YWJj"}}}]},
    ),
    "error": (
        ToolResult(id="t", parts=(Text(text="a"),), is_error=True),
        {"toolUseId": "t", "content": [{"text": "a"}], "status": "error"},
    ),
    "success said": (
        ToolResult(id="t", extra={NAME: {"status": "success", "type": "x"}}),
        {"toolUseId": "t", "content": [], "status": "success", "type": "x"},
    ),
    "video": (
        ToolResult(id="t", parts=(Text(text="a"),), extra={NAME: {"content": [{"text": "a"}, {"video": {"format": "mp4"}}]}}),
        {"toolUseId": "t", "content": [{"text": "a"}, {"video": {"format": "mp4"}}]},
    ),
}


@pytest.mark.parametrize("name", RESULTS)
def test_result_stands_in_the_users_turn_and_comes_back(name: str) -> None:
    result, block = RESULTS[name]
    request = turns(said("tool", result), said("user", Text(text="and?")))
    body = body_of(request)
    assert body["messages"] == [{"role": "user", "content": [{"toolResult": block}, {"text": "and?"}]}]
    assert decoded(body) == request


def test_neighbours_of_one_role_are_one_turn() -> None:
    spoken: list[tuple[Role, str]] = [("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d")]
    body = body_of(turns(*(Message(role, (Text(text=word),)) for role, word in spoken)))
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "c"}, {"text": "d"}]},
    ]


def test_system_messages_before_the_first_turn_are_the_system_field_and_later_ones_keep_their_place() -> None:
    request = turns(said("system", Text(text="a"), Text(text="b")), said("user", Text(text="c")), said("system", Text(text="d")))
    body = body_of(request)
    assert body["system"] == [{"text": "a"}, {"text": "b"}]
    assert [message["role"] for message in body["messages"]] == ["user", "system"]
    assert decoded(body) == request


def test_texts_without_a_word_are_left_out_unless_nothing_else_is_there() -> None:
    request = turns(
        said("system", Text(text="")),
        said("user", Text(text=""), Text(text="a")),
        said("assistant", Text(text=""), ToolCall(id="t", name="n", arguments="{}")),
        said("tool", ToolResult(id="t", parts=(Text(text=""),))),
        said("assistant", Text(text="")),
    )
    body = body_of(request)
    assert "system" not in body
    assert [len(message["content"]) for message in body["messages"]] == [1, 1, 1, 1]
    assert body["messages"][2]["content"] == [{"toolResult": {"toolUseId": "t", "content": []}}]
    assert body["messages"][3]["content"] == [{"text": ""}]


POINT = {"cachePoint": {"type": "default"}}


def test_cache_points_stay_where_they_are_and_trip_no_other_wire() -> None:
    body = {
        "system": [{"text": "a"}, POINT],
        "messages": [
            {"role": "user", "content": [POINT, {"text": "b"}, POINT, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "c"}]},
            {"role": "assistant", "content": [{"citationsContent": {"content": [{"text": "d"}], "citations": [{"title": "T"}]}}, POINT]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": []}}, POINT, {"text": "e"}, POINT]},
            {"role": "assistant", "content": [POINT]},
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]},
    }
    request = decoded(body)
    assert not any(isinstance(part, Opaque) for message in request.messages for part in message.parts)
    assert body_of(request) == body


def test_cache_point_may_be_set_on_a_part() -> None:
    part = Text(text="long", extra={NAME: {"cachePoint": {"type": "default"}}})
    assert blocks_of(user(part)) == [{"text": "long"}, POINT]


def test_reasoning_that_a_model_does_not_take_back_is_left_out_and_named() -> None:
    thought, signed = Reasoning(text="Hm"), Reasoning(text="Hm", signature="s")
    for model, part, kept in (
        (CLAUDE, thought, False),
        (CLAUDE, signed, True),
        (GPT, thought, True),
        (DEEPSEEK, signed, False),
        (LLAMA, thought, True),
    ):
        body, warnings = encoded(turns(said("user", Text(text="a")), said("assistant", part, Text(text="b")), model=model))
        assert len(body["messages"][1]["content"]) == (2 if kept else 1)
        assert bool(warnings) is not kept
    everything = Quirks(reasoning_field="reasoningContent")
    assert encoded(turns(said("assistant", thought)), everything)[1] == []


def test_turn_of_nothing_but_such_reasoning_is_left_out() -> None:
    body, warnings = encoded(turns(said("user", Text(text="a")), said("assistant", Reasoning(text="Hm")), said("user", Text(text="b"))))
    assert body["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]
    assert len(warnings) == 1


def test_refusal_is_text_and_a_foreign_source_or_a_speakers_name_is_named() -> None:
    request = Request(
        model=CLAUDE,
        messages=(Message("user", (Text(text="a"),), "Ann"), said("assistant", Refusal(text="No"), Source(url="https://x.test"))),
    )
    body, warnings = encoded(request)
    assert body["messages"][1]["content"] == [{"text": "No"}]
    assert len(warnings) == 3


# --- what the vendor would refuse -------------------------------------------------------------------------------------------------------


def names_of(*files: File) -> tuple[list[str], list[str]]:
    body, warnings = encoded(user(*files))
    return [block["document"]["name"] for block in body["messages"][0]["content"]], warnings


def test_documents_have_different_names_of_allowed_letters() -> None:
    files = [File(data=b"a", name=name) for name in (None, None, "report.pdf", "Report-pdf", "a  b\tc", "é", "ok (1) [x]-")]
    names, warnings = names_of(*files)
    assert names == ["document", "document (2)", "report-pdf", "Report-pdf (2)", "a b c", "-", "ok (1) [x]-"]
    assert len(warnings) == 4


def test_document_name_is_not_longer_than_allowed() -> None:
    names, _ = names_of(*[File(data=b"a", name="n" * 300)] * 2)
    assert [len(name) for name in names] == [200, 200]
    assert names[0] != names[1]


def test_thousands_of_one_name_are_told_apart_and_of_cache_points_kept() -> None:
    """In time that grows with their number and not with its square."""
    names, _ = names_of(*[File(data=b"a", name="same")] * 20_000)
    assert len(set(names)) == 20_000
    request = decoded({"messages": [{"role": "user", "content": [{"text": "a"}, *[POINT] * 20_000]}]})
    assert len(request.messages[0].parts[0].extra[NAME]["cachePoint"]) == 20_000


def test_ids_that_the_wire_does_not_take_are_replaced_alike_in_call_and_result() -> None:
    long = "x" * 65
    request = turns(
        said("assistant", *(ToolCall(id=id, name="n", arguments="{}") for id in ("good.1:_-", long, "a b", "", ""))),
        said("tool", *(ToolResult(id=id) for id in ("a b", long, "", "good.1:_-", ""))),
    )
    body = body_of(request)
    calls = [block["toolUse"]["toolUseId"] for block in body["messages"][0]["content"]]
    results = [block["toolResult"]["toolUseId"] for block in body["messages"][1]["content"]]
    assert len(set(calls)) == 5
    assert results == [calls[2], calls[1], calls[3], calls[0], calls[4]]
    assert calls[0] == "good.1:_-"


def test_text_of_a_document_that_is_no_text_is_sent_as_bytes() -> None:
    document = File(data=b"\xff", media_type="text/plain", name="one", extra={NAME: {"asText": True}})
    assert blocks_of(user(document)) == [{"document": {"format": "txt", "name": "one", "source": {"bytes": "/w=="}}}]


@pytest.mark.parametrize(
    ("part", "form"),
    [
        (Image(data=b"\xff\xd8\xffx"), "jpeg"),
        (Image(data=b"x"), "png"),
        (Image(data=b"x", media_type="image/jpg"), "jpeg"),
        (Image(url="s3://b/k.JPG"), "jpeg"),
        (File(data=b"x"), "pdf"),
        (File(data=b"x", name="a.docx"), "docx"),
        (File(data=b"x", media_type="text/x-python"), "txt"),
        (File(data=b"x", media_type="text/html; charset=utf-8"), "html"),
        (File(url="s3://b/k.md"), "md"),
        (Audio(data=b"x", media_type="audio/x-wav"), "wav"),
        (Audio(data=b"x"), "wav"),
    ],
)
def test_form_is_found_in_type_name_or_bytes(part: AnyPart, form: str) -> None:
    body, _ = encoded(user(part))
    [block] = body["messages"][0]["content"][0].values()
    assert block["format"] == form


@pytest.mark.parametrize(
    "part",
    [
        Image(url="https://x.test/a.png"),
        Image(file_id="f"),
        Image(data=b"x", media_type="image/bmp"),
        File(data=b"x", media_type="application/zip"),
        File(url="https://x.test/a.pdf"),
        Audio(data=b"x", media_type="audio/midi"),
        Opaque(extra={"anthropic_messages": {"type": "server_tool_use"}}),
        Opaque(),
        ToolResult(id="t", parts=(Source(title="x"),)),  # type: ignore[arg-type]  # what no type checker lets pass
    ],
)
def test_content_that_the_wire_cannot_say_is_refused(part: AnyPart) -> None:
    with pytest.raises(Unsupported, match="messages: "):
        bedrock_converse.encode_request(turns(said("tool" if isinstance(part, ToolResult) else "user", part)), NONE)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (said("tool", Text(text="a")), BadRequest),
        (said("user", ToolResult(id="t")), BadRequest),
        (said("system", Image(data=b"x")), Unsupported),
        (said("user", Image()), BadRequest),
    ],
)
def test_part_in_the_wrong_place_is_refused(message: Message, error: type[Exception]) -> None:
    with pytest.raises(error):
        bedrock_converse.encode_request(turns(message), NONE)
