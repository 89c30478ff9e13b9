"""What both roles write, held against the vendor's own types and the schema of Open Responses."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

import pytest
from openai.types.responses import Response as SdkResponse
from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, TextDelta
from dragoman.core.messages import AnyPart, File, Image, Message, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from tests.conformance import recordings

from . import consistent, recorded
from .streams import NAME, asked, encoded, written_request
from .test_encoder import EVERYTHING

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
REQUEST: TypeAdapter[Any] = TypeAdapter(ResponseCreateParamsNonStreaming)
SHORT: tuple[Event, ...] = (
    Started(id="x"),
    *(BlockStarted(0, "text"), TextDelta(0, "Lo"), BlockEnded(0)),
    Finished(FinishReason("length", "max_tokens")),
)


def of_open_responses(events: Iterable[Event]) -> list[Event]:
    """Open Responses has neither items of the vendor's own tools nor pictures."""
    return [
        event
        for event in events
        if not (isinstance(event, (BlockStarted, BlockEnded)) and event.index in (2, 7)) and "Media" not in str(type(event))
    ]


@pytest.mark.parametrize("events", [EVERYTHING, SHORT], ids=["everything", "short"])
def test_events_have_every_field_of_the_vendors_types(events: tuple[Event, ...]) -> None:
    request = asked(tools=(Tool(name="now", parameters={}),), response_format=JsonFormat(schema={}, name="n"))
    for one in consistent.events_of(encoded(events, request)):
        assert EVENTS.validate_python(one).type == one["type"]
    whole = json.loads(encoded(events, asked(False)))
    assert SdkResponse.model_validate(whole).to_dict(exclude_unset=True) == whole


@pytest.fixture(scope="module")
def schemas() -> Any:
    path = recordings.FOLDER / recorded.SCHEMA
    if not path.is_file():
        pytest.skip(f"no schema of Open Responses at {path}")
    described = json.loads(gzip.decompress(path.read_bytes()))
    # The schema of a format is described as null, by a fault of the description's generator; any object is meant.
    described["components"]["schemas"]["JsonSchemaResponseFormat"]["properties"]["schema"] = {}
    return described


def validator(schemas: Any, name: str) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **schemas})


@pytest.mark.recorded
@pytest.mark.parametrize("events", [EVERYTHING, SHORT], ids=["everything", "short"])
def test_events_are_valid_by_the_schema_of_open_responses(schemas: Any, events: tuple[Event, ...]) -> None:
    described = schemas["components"]["schemas"]
    by_type = {schema["properties"]["type"]["enum"][0]: name for name, schema in described.items() if name.endswith("StreamingEvent")}
    strict = JsonFormat(schema={"type": "object"}, name="n", strict=True, description="d")
    request = asked(tools=(Tool(name="now", description="d", parameters={}),), response_format=strict)
    for one in consistent.events_of(encoded(of_open_responses(events), request)):
        validator(schemas, by_type[one["type"]]).validate(one)
    whole = json.loads(encoded(of_open_responses(events), asked(False)))
    validator(schemas, "ResponseResource").validate(whole)


TURN: tuple[AnyPart, ...] = (
    Reasoning(text="Hm", signature="c2ln", id="rs_1", extra={NAME: {"parts": [["summary_text", 2]]}}),
    Text(text="Loire", extra={NAME: {"message": {"id": "msg_1", "phase": "commentary"}}}),
    Source(url="https://x.test", title="X", start=0, end=5),
    Refusal(text="No.", extra={NAME: {"message": {"id": "msg_1"}}}),
    ToolCall(id="call-1", name="now", arguments="{}"),
)
CONVERSATION = (
    Message("system", (Text(text="Be brief."),)),
    Message("system", (Text(text="And kind."),), extra={NAME: {"role": "developer"}}),
    Message("user", (Text(text="Which?"), Image(data=b"x", media_type="image/png"), Image(url="https://x.test/a"), Image(file_id="f"))),
    Message("user", (File(data=b"x", name="a.pdf"), File(url="https://x.test/b"), File(file_id="f"))),
    Message("assistant", TURN),
    Message("tool", (ToolResult(id="call-1", parts=(Text(text="noon"), Image(data=b"x"))),)),
    Message("assistant", (Text(text="Noon."),)),
    Message("user", (Text(text="Thanks"),)),
)
FULL = Request(
    model="gpt-x",
    messages=CONVERSATION,
    tools=(Tool(name="now", description="d", parameters={"type": "object"}, strict=True), Tool(name="bare")),
    tool_choice=NamedTool("now"),
    parallel_tool_calls=False,
    response_format=JsonFormat(schema={"type": "object"}, name="n", strict=True),
    temperature=0.5,
    top_p=0.5,
    max_output_tokens=99,
    logprobs=True,
    top_logprobs=2,
    reasoning=ReasoningOptions(effort="low", summary="auto"),
    metadata={"a": "b"},
    user="u",
    extra={NAME: {"store": False, "include": ["reasoning.encrypted_content"], "tools": [{"type": "web_search"}]}},
)


def consumed(value: Any) -> Any:
    """pydantic checks the iterables inside only as they are read."""
    if isinstance(value, dict):
        return {name: consumed(inner) for name, inner in value.items()}
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return value
    return [consumed(inner) for inner in value]


def test_request_is_what_the_vendors_types_describe() -> None:
    body = written_request(FULL)
    assert consumed(REQUEST.validate_python(body))["model"] == "gpt-x"


@pytest.mark.recorded
def test_request_is_valid_by_the_schema_of_open_responses(schemas: Any) -> None:
    body = written_request(FULL)
    body["tools"] = body["tools"][:1]  # the others are OpenAI's: a tool of its own, and one without a schema
    body["input"] = [item for item in body["input"] if "file_id" not in json.dumps(item)]
    validator(schemas, "CreateResponseBody").validate(body)
