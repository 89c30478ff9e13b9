"""The vendor's own SDK, boto3, as client of our server role, and the signature with which it signs as judge of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 has no types
import pytest
from botocore.config import Config  # type: ignore[import-untyped]  # likewise
from botocore.exceptions import ClientError, EventStreamError  # type: ignore[import-untyped]  # likewise

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.exchange import Call, header
from dragoman.core.messages import AnyPart, File, Image, Message, Opaque, Reasoning, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request
from dragoman.core.usage import Usage
from dragoman.sign.sigv4 import Credentials, sign
from tests.wire.served import Served, said, serving

from .streams import CLAUDE, NAME

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a-session/token==")
HELLO: dict[str, Any] = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
USAGE = Usage(input_tokens=39, cache_read_tokens=30, cache_write_tokens=2, output_tokens=12)
COUNTED = {"inputTokens": 7, "outputTokens": 12, "totalTokens": 51, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 2}


@contextmanager
def sdk(url: str) -> Iterator[Any]:
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=10, connect_timeout=10)
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        aws_session_token=KEYS.session_token,
        config=config,
    )
    try:
        yield client
    finally:
        client.close()


def finished(reason: str = "end_turn", unified: Any = "stop") -> Finished:
    return Finished(FinishReason(unified, reason), USAGE, 0, {NAME: {"metrics": {"latencyMs": 345}}})


def whole(events: Iterable[Event], end: Finished | None = None, **asked: Any) -> tuple[Any, Served]:
    """What the SDK makes of a whole answer, and the server that gave it."""
    with serving(NAME, said(Started(), *events, end or finished())) as server, sdk(server.root) as client:
        return client.converse(**(HELLO | asked)), server


def streamed(events: Iterable[Event], end: Finished | None = None, **asked: Any) -> tuple[list[Any], Served]:
    """The events that the SDK gives out of a streamed answer, and the server that gave it."""
    with (
        serving(NAME, said(Started(), *events, end or finished())) as server,
        sdk(server.root) as client,
        closing(client.converse_stream(**(HELLO | asked))["stream"]) as stream,
    ):
        return list(stream), server


# --- answers ----------------------------------------------------------------------------------------------------------------------------

SPOKEN: list[Event] = [BlockStarted(0, "text"), TextDelta(0, "Lo"), TextDelta(0, "ire"), BlockEnded(0)]
CALLS: list[Event] = [
    BlockStarted(0, "tool", "t-1", "look"),
    BlockStarted(1, "tool", "t-2", "look"),
    ToolDelta(0, '{"q": '),
    ToolDelta(1, '{"q": "b"}'),
    ToolDelta(0, '"a"}'),
    BlockEnded(1),
    BlockEnded(0),
]
MORE_CALLS: list[Event] = [
    BlockStarted(2, "tool", "t-1", "look"),
    ToolDelta(2, '{"q":"a"}'),
    BlockEnded(2),
    BlockStarted(3, "tool", "t-2", "look"),
    ToolDelta(3, '{"q":"b"}'),
    BlockEnded(3),
]
THOUGHT: list[Event] = [
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "Hm"),
    BlockEnded(0, "sig"),
    BlockStarted(1, "reasoning", redacted_data="AQID"),
    BlockEnded(1),
]
CITATION = {"title": "T", "source": "s", "sourceContent": [{"text": "q"}], "location": {"web": {"url": "https://x.test", "domain": "x"}}}
CITED: list[Event] = [
    BlockStarted(0, "text"),
    TextDelta(0, "Loire"),
    SourceAdded(Source(extra={NAME: {"citation": CITATION}}), 0, 0),
    BlockEnded(0),
]
PICTURE: list[Event] = [BlockStarted(0, "image", media_type="image/png"), MediaDelta(0, b"\x89PNG"), BlockEnded(0)]
RUN: list[Event] = [
    BlockStarted(0, "opaque", extra={NAME: {"toolUse": {"toolUseId": "s", "name": "x", "type": "server_tool_use", "input": {"a": 1}}}}),
    BlockEnded(0),
    BlockStarted(1, "opaque", extra={NAME: {"toolResult": {"toolUseId": "s", "type": "x_result", "content": [{"json": {"b": 2}}]}}}),
    BlockEnded(1),
]

WHOLE: dict[str, tuple[list[Event], list[Any]]] = {
    "text": (SPOKEN, [{"text": "Loire"}]),
    "parallel tools": (
        CALLS,
        [
            {"toolUse": {"toolUseId": "t-1", "name": "look", "input": {"q": "a"}}},
            {"toolUse": {"toolUseId": "t-2", "name": "look", "input": {"q": "b"}}},
        ],
    ),
    "reasoning": (
        THOUGHT,
        [
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
            {"reasoningContent": {"redactedContent": b"\1\2\3"}},
        ],
    ),
    "citations": (CITED, [{"citationsContent": {"content": [{"text": "Loire"}], "citations": [CITATION]}}]),
    "picture": (PICTURE, [{"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}]),
    "tools of the vendor": (
        RUN,
        [
            {"toolUse": {"toolUseId": "s", "name": "x", "type": "server_tool_use", "input": {"a": 1}}},
            {"toolResult": {"toolUseId": "s", "type": "x_result", "content": [{"json": {"b": 2}}]}},
        ],
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_answer_is_read_by_the_sdk(name: str) -> None:
    events, content = WHOLE[name]
    answer, server = whole(events)
    assert answer["output"] == {"message": {"role": "assistant", "content": content}}
    assert (answer["stopReason"], answer["usage"], answer["metrics"]) == ("end_turn", COUNTED, {"latencyMs": 345})
    assert server.asked == [Request(model=CLAUDE, messages=(Message("user", (Text(text="Hi"),)),))]


STREAMED: dict[str, tuple[list[Event], list[Any]]] = {
    "text": (SPOKEN, [(0, {"text": "Lo"}), (0, {"text": "ire"})]),
    "parallel tools": (
        CALLS,
        [(0, {"toolUse": {"input": '{"q": '}}), (0, {"toolUse": {"input": '"a"}'}}), (1, {"toolUse": {"input": '{"q": "b"}'}})],
    ),
    "reasoning": (
        THOUGHT,
        [
            (0, {"reasoningContent": {"text": "Hm"}}),
            (0, {"reasoningContent": {"signature": "sig"}}),
            (1, {"reasoningContent": {"redactedContent": b"\1\2\3"}}),
        ],
    ),
    "citations": (CITED, [(0, {"text": "Loire"}), (0, {"citation": CITATION})]),
    "picture": (PICTURE, [(0, {"image": {"source": {"bytes": b"\x89PNG"}}})]),
    "tools of the vendor": (RUN, [(0, {"toolUse": {"input": '{"a":1}'}}), (1, {"toolResult": [{"json": {"b": 2}}]})]),
}


@pytest.mark.parametrize("name", STREAMED)
def test_streamed_answer_is_read_by_the_sdk(name: str) -> None:
    events, deltas = STREAMED[name]
    given, server = streamed(events)
    assert given[0] == {"messageStart": {"role": "assistant"}}
    found = [
        (one["contentBlockDelta"]["contentBlockIndex"], one["contentBlockDelta"]["delta"]) for one in given if "contentBlockDelta" in one
    ]
    assert found == deltas
    assert given[-2:] == [
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": COUNTED, "metrics": {"latencyMs": 345}}},
    ]
    assert len([one for one in given if "contentBlockStop" in one]) == 1 + max(index for index, _ in deltas)
    assert [request.stream for request in server.asked] == [True]


def test_calls_are_announced_with_id_and_name() -> None:
    given, _ = streamed(CALLS, finished("tool_use", "tool_calls"))
    starts = [one["contentBlockStart"] for one in given if "contentBlockStart" in one]
    assert starts == [{"contentBlockIndex": i, "start": {"toolUse": {"toolUseId": f"t-{i + 1}", "name": "look"}}} for i in (0, 1)]


def test_answer_of_which_nothing_is_known_is_read_by_the_sdk() -> None:
    answer, _ = whole([], Finished(FinishReason("unknown"), Usage()))
    assert answer["usage"] == {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    given, _ = streamed([], Finished(FinishReason("unknown"), Usage()))
    assert [next(iter(one)) for one in given] == ["messageStart", "messageStop", "metadata"]


# --- requests ---------------------------------------------------------------------------------------------------------------------------


def test_all_that_the_sdk_can_ask_for_is_understood() -> None:
    spec = {"name": "look", "description": "Looks.", "inputSchema": {"json": {"type": "object"}}, "strict": True}
    _, server = whole(
        SPOKEN,
        system=[{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        messages=[
            {
                "role": "user",
                "content": [
                    {"text": "See:"},
                    {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
                    {"document": {"format": "pdf", "name": "one", "source": {"s3Location": {"uri": "s3://bucket/one.pdf"}}}},
                    {"video": {"format": "mp4", "source": {"bytes": b"abc"}}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
                    {"reasoningContent": {"redactedContent": b"\1\2\3"}},
                    {"toolUse": {"toolUseId": "t", "name": "look", "input": {"q": [1, 2.5]}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "t", "content": [{"text": "a"}, {"json": {"b": 1}}], "status": "error"}},
                    {"text": "and?"},
                ],
            },
        ],
        inferenceConfig={"maxTokens": 100, "temperature": 0.5, "topP": 0.25, "stopSequences": ["END"]},
        toolConfig={"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "look"}}},
        additionalModelRequestFields={"top_k": 5, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        requestMetadata={"a": "b"},
        serviceTier={"type": "flex"},
        outputConfig={"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}', "name": "n"}}}},
    )
    [request] = server.asked
    parts: list[tuple[AnyPart, ...]] = [message.parts for message in request.messages]
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool", "user"]
    assert parts == [
        (Text(text="Be brief.", extra={NAME: {"cachePoint": {"type": "default"}}}),),
        (
            Text(text="See:"),
            Image(data=b"\x89PNG", media_type="image/png"),
            File(url="s3://bucket/one.pdf", media_type="application/pdf", name="one"),
            Opaque(extra={NAME: {"video": {"format": "mp4", "source": {"bytes": "YWJj"}}}}),
        ),
        (
            Reasoning(text="Hm", signature="sig"),
            Reasoning(redacted_data="AQID"),
            ToolCall(id="t", name="look", arguments='{"q":[1,2.5]}'),
        ),
        (ToolResult(id="t", parts=(Text(text="a"), Text(text='{"b":1}', extra={NAME: {"json": True}})), is_error=True),),
        (Text(text="and?"),),
    ]
    assert (request.max_output_tokens, request.temperature, request.top_p, request.stop, request.top_k) == (100, 0.5, 0.25, ("END",), 5)
    assert [tool.name for tool in request.tools] == ["look"]
    assert (request.tool_choice, request.metadata) == (NamedTool("look"), {"a": "b"})
    assert request.reasoning == ReasoningOptions(budget_tokens=1024, enabled=True)
    assert request.response_format == JsonFormat(schema={"type": "object"}, name="n")
    assert request.extra == {NAME: {"serviceTier": {"type": "flex"}}}


@pytest.mark.parametrize("model", [CLAUDE, "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.claude-x-v1:0"])
def test_model_of_any_name_is_understood(model: str) -> None:
    assert whole(SPOKEN, modelId=model)[1].asked[0].model == model


def test_answer_is_asked_on_from_by_the_sdk() -> None:
    """What the SDK read goes back as it came."""
    answer, _ = whole([*THOUGHT, *MORE_CALLS])
    again, server = whole(SPOKEN, messages=[*HELLO["messages"], answer["output"]["message"]])
    assert again["stopReason"] == "end_turn"
    assert server.asked[0].messages[1].parts == (
        Reasoning(text="Hm", signature="sig"),
        Reasoning(redacted_data="AQID"),
        ToolCall(id="t-1", name="look", arguments='{"q":"a"}'),
        ToolCall(id="t-2", name="look", arguments='{"q":"b"}'),
    )


# --- errors -----------------------------------------------------------------------------------------------------------------------------

REFUSED: dict[str, DragomanError] = {
    "ValidationException": errors.BadRequest("So."),
    "ThrottlingException": errors.RateLimited("So.", retry_after_s=1),
    "AccessDeniedException": errors.PermissionDenied("So."),
    "ResourceNotFoundException": errors.ModelNotFound("So."),
    "ServiceUnavailableException": errors.Overloaded("So."),
    "InternalServerException": errors.ServerFault("So."),
    "ModelTimeoutException": errors.TimedOut("So."),
    "ModelErrorException": errors.BadReply("So."),
    "ModelNotReadyException": errors.Overloaded("So.", code="ModelNotReadyException"),
    "UnrecognizedClientException": errors.AuthFailed("So."),
    "ServiceQuotaExceededException": errors.QuotaSpent("So."),
}
NOT_DESCRIBED = {"UnrecognizedClientException", "ServiceQuotaExceededException"}
"""Names that any service of the vendor may say, for which the SDK has no class of this service's own."""


@pytest.mark.parametrize("method", ["converse", "converse_stream"])
@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_the_sdks_exception_of_that_name(name: str, method: str) -> None:
    error = REFUSED[name]
    error.request_id = "r-1"
    with serving(NAME, said(failure=error)) as server, sdk(server.root) as client:
        kind = ClientError if name in NOT_DESCRIBED else getattr(client.exceptions, name)
        with pytest.raises(kind) as caught:
            getattr(client, method)(**HELLO)
    told = caught.value.response
    assert told["Error"] == {"Code": name, "Message": "So."}
    assert told["ResponseMetadata"]["RequestId"] == "r-1"


def test_request_that_is_refused_here_is_the_sdks_exception() -> None:
    call = {"toolUse": {"toolUseId": "t", "name": "n", "input": 5}}
    with (
        serving(NAME) as server,
        sdk(server.root) as client,
        pytest.raises(client.exceptions.ValidationException, match=r"toolUse\.input"),
    ):
        client.converse(modelId="m", messages=[{"role": "user", "content": [call]}])


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.RateLimited("So."), "throttlingException"),
        (errors.Overloaded("So."), "serviceUnavailableException"),
        (errors.ServerFault("So."), "internalServerException"),
        (errors.StreamCut("So."), "modelStreamErrorException"),
        (errors.ContextTooLong("So."), "validationException"),
        (errors.AuthFailed("So."), "UnrecognizedClientException"),
        (errors.QuotaSpent("So."), "ServiceQuotaExceededException"),
    ],
)
def test_failure_inside_a_stream_is_raised_by_the_sdk_after_what_was_said(failure: DragomanError, code: str) -> None:
    said_first = said(Started(), *SPOKEN[:2], failure=failure)
    with serving(NAME, said_first) as server, sdk(server.root) as client, closing(client.converse_stream(**HELLO)["stream"]) as stream:
        events = iter(stream)
        given = [next(events), next(events)]
        with pytest.raises(EventStreamError) as caught:
            next(events)
    assert given[1]["contentBlockDelta"]["delta"] == {"text": "Lo"}
    assert caught.value.response["Error"] == {"Code": code, "Message": "So."}


# --- the signature ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["converse", "converse_stream"])
def test_sdk_signs_its_call_as_we_do(method: str) -> None:
    with serving(NAME, said(Started(), *SPOKEN, finished())) as server, sdk(server.root) as client:
        given = getattr(client, method)(**HELLO)
        if "stream" in given:
            given["stream"].close()
    [call] = server.calls
    told = header(call.headers, "authorization") or ""
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=\S+/us-east-1/bedrock/aws4_request, SignedHeaders=(\S+), Signature=\w+", told)
    assert found
    signed = found.group(1).split(";")
    kept = tuple(field for field in call.headers if field[0] in signed and field[0] not in ("x-amz-date", "x-amz-security-token"))
    time = header(call.headers, "x-amz-date") or ""
    again = sign(Call(call.method, server.root + call.url, kept, call.body), KEYS, "us-east-1", "bedrock", epoch_s(time))
    assert header(again.headers, "authorization") == told


def epoch_s(time: str) -> float:
    return datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
