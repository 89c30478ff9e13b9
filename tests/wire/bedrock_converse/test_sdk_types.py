"""The vendor's own validator of parameters accepts every request that is written; what it refuses may be values that the caller chose."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import botocore.session  # type: ignore[import-untyped]  # botocore has no types
import pytest
from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # likewise
from hypothesis import given

from dragoman.core.errors import UsageError
from dragoman.core.messages import AnyPart, Audio, File, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE
from tests.wire import strategies as openai_strategies
from tests.wire.strategies import MODEST

from . import strategies
from .streams import CLAUDE, NAME

MODEL = botocore.session.Session().get_service_model("bedrock-runtime")
Complaint = tuple[str, str, str]
"""What is wrong, where, and the name of what is not known."""
VALUES = {"invalid length", "invalid range"}
"""Of a value that is the caller's own: too hot, too long, too short."""
RANDOM = re.compile(r"video|searchResult|hologram|guardrailConfig|zz_")
"""What the strategies fill with any JSON."""


def native(value: Any, shape: Any) -> Any:
    """JSON as a caller of the SDK has it: bytes where the wire has base64."""
    match shape.type_name if shape is not None else None:
        case "blob":
            return base64.b64decode(value)
        case "structure" if isinstance(value, dict) and not getattr(shape, "is_document_type", False):
            return {name: native(inner, shape.members.get(name)) for name, inner in value.items()}
        case "list" if isinstance(value, list):
            return [native(inner, shape.member) for inner in value]
        case _:
            return value


def complaints(request: Request) -> list[Complaint]:
    call = bedrock_converse.encode_request(request, NONE)
    shape = MODEL.operation_model("ConverseStream" if request.stream else "Converse").input_shape
    path = call.url.split("/")
    params = {"modelId": unquote(path[2]), **native(json.loads(call.body), shape)}
    found = ParamValidator().validate(params, shape)._errors
    return [(reason, path, str(more.get("unknown_param", more.get("members", "")))) for reason, path, more in found]


def said(*parts: AnyPart) -> Message:
    return Message("user", parts)


TOOLS = (Tool(name="look", description="", parameters=None), Tool(name="find", parameters={"type": "object"}, strict=True))
EVERYTHING = Request(
    model=CLAUDE,
    messages=(
        Message("system", (Text(text="Be brief.", extra={NAME: {"cachePoint": {"type": "default"}}}), Text(text=""))),
        said(
            Text(text="a"),
            Text(text="b", extra={NAME: {"guardContent": {"qualifiers": ["query"]}}}),
            Image(data=b"x"),
            Image(url="s3://bucket/key"),
            Image(data=b"x", media_type="image/png", extra={NAME: {"guardContent": {}}}),
            Audio(data=b"x", media_type="audio/mpeg"),
            File(data=b"x"),
            File(data=b"x", name="a.b/c.pdf", extra={NAME: {"citations": {"enabled": True}}}),
            File(data=b"x", media_type="text/plain", extra={NAME: {"asText": True}}),
            Opaque(extra={NAME: {"video": {"format": "mp4", "source": {"bytes": "eA=="}}}}),
        ),
        Message(
            "assistant",
            (
                Reasoning(text="Hm", signature="s"),
                Reasoning(redacted_data="not base64!"),
                Text(text="c"),
                Source(title="t", extra={NAME: {"citation": {"title": "t", "location": {"web": {"url": "https://x.test"}}}}}),
                Refusal(text="No"),
                ToolCall(id="", name="look", arguments=""),
                ToolCall(id="x" * 99, name="look", arguments='{"a": 1}'),
                ToolCall(id="t", name="find", arguments="broken"),
            ),
        ),
        Message(
            "tool",
            (
                ToolResult(id="", parts=()),
                ToolResult(
                    id="x" * 99, parts=(Text(text=""), Text(text="d"), Text(text="{}", extra={NAME: {"json": True}})), is_error=True
                ),
                ToolResult(id="t", parts=(Image(data=b"x"), File(data=b"x", name="a.b/c.pdf"))),
            ),
        ),
        said(Text(text="e")),
    ),
    tools=TOOLS,
    tool_choice=NamedTool("look"),
    response_format=JsonFormat(schema={"type": "object"}, name="n", description="d"),
    reasoning=ReasoningOptions(budget_tokens=1024, effort="high", summary="auto"),
    temperature=0.5,
    top_p=0.5,
    top_k=5,
    stop=("END",),
    max_output_tokens=100,
    metadata={"a": "b"},
    extra={
        NAME: {
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "DRAFT", "trace": "enabled"},
            "additionalModelResponseFieldPaths": ["/stop_sequence"],
            "promptVariables": {"v": {"text": "x"}},
            "performanceConfig": {"latency": "optimized"},
            "serviceTier": {"type": "flex"},
            "toolConfig": {"tools": [{"systemTool": {"name": "s"}}, {"cachePoint": {"type": "default"}}]},
        }
    },
)


@pytest.mark.parametrize("stream", [True, False])
def test_request_with_everything_in_it_is_accepted(stream: bool) -> None:
    fields = {name: getattr(EVERYTHING, name) for name in EVERYTHING.__struct_fields__}
    assert complaints(Request(**{**fields, "stream": stream})) == []


@pytest.mark.parametrize("choice", ["auto", "required", "none", NamedTool("look")])
@pytest.mark.parametrize("tools", [(), TOOLS])
def test_request_with_any_choice_of_tools_is_accepted(choice: Any, tools: tuple[Tool, ...]) -> None:
    assert complaints(Request(model=CLAUDE, messages=(said(Text(text="a")),), tools=tools, tool_choice=choice)) == []


@MODEST
@given(strategies.requests())
def test_request_at_random_is_accepted_but_for_values_and_what_is_no_field_of_the_wire(request: Request) -> None:
    assert [one for one in complaints(request) if one[0] not in VALUES and not RANDOM.search(one[1] + one[2])] == []


@MODEST
@given(openai_strategies.requests())
def test_request_of_another_wire_is_accepted_but_for_values_or_refused(request: Request) -> None:
    with suppress(UsageError):
        assert [one for one in complaints(request) if one[0] not in VALUES] == []


def test_whole_answer_of_which_nothing_is_known_has_every_field_that_the_sdk_requires() -> None:
    shape = MODEL.operation_model("Converse").output_shape
    encoding = bedrock_converse.encoder(Request(model="m", messages=()), NONE)
    record = json.loads(encoding.close())
    assert set(shape.required_members) <= record.keys()
    for name in ("usage", "metrics"):
        assert set(shape.members[name].required_members) <= record[name].keys()
