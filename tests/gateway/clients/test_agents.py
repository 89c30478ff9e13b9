"""Coding agents through the gateway: to their vendor's own upstream not a byte is changed, to another nothing is lost without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from dragoman.core.exchange import header
from dragoman.core.messages import Image, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.request import Request
from dragoman.emulator.pieces import fragments
from dragoman.server import Answer
from tests.gateway.stage import KEY, Stage
from tests.gateway.upstream import EVENTS, JSON, Told, Upstream

from .agents import (
    BETAS,
    BROUGHT,
    CALLS,
    CLAUDE_HEADERS,
    CODEX_HEADERS,
    HUNK,
    LONG,
    PATCH,
    PLAN,
    TOOLS,
    claude_body,
    codex_body,
    dumped,
)
from .play import SIGNATURE, parts_of

ARGUMENTS: Final = json.dumps({"pattern": '\u00fcber "all"', "glob": "**/*.py"}, ensure_ascii=False)
CALL: Final = f"Look for it. call:Grep {ARGUMENTS}"
OTHERS: Final = ("openai/gpt-4.1", "gemini/gemini-2.5-flash", "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0")
ANYWHERE: Final = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "cohere/command-a-03-2025")
STREAM: Final = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
    b'"content":[],"stop_reason":null,"stop_sequence":null,"brand_new":1.0,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"brand_new_block"}}\n\n',
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":9}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)


@pytest.fixture
def vendor() -> Iterator[Upstream]:
    """The agent's own vendor, which says what no table of ours knows."""
    with Upstream(lambda call: _own(call.url)) as upstream:
        yield upstream


def _own(url: str) -> Answer:
    return Answer(200, JSON, b'{"input_tokens":40123}') if "count_tokens" in url else Answer(200, EVENTS, Told(STREAM))


@pytest.fixture
def between(vendor: Upstream) -> Iterator[Stage]:
    tables = {"anthropic": {"base_url": vendor.url, "key": KEY}, "openai": {"base_url": vendor.url + "/v1", "key": KEY}}
    with Stage(["gravityengine"], {"providers": tables}) as running:
        yield running


@pytest.fixture(scope="module")
def renaming() -> Iterator[Stage]:
    """A gateway with a name of its own for a model of the vendor's."""
    with Stage(["openai", "anthropic"], {"models": {"house": {"targets": ["anthropic/claude-sonnet-4-5"]}}}) as running:
        yield running


def events_of(reply: httpx.Response) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.text
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def asked_of(stage: Stage) -> Request:
    request = stage.emulator.requests[-1].request
    assert request is not None
    return request


def warned(reply: httpx.Response) -> str:
    return " | ".join(reply.headers.get_list("x-dragoman-warning"))


class TestClaudeCode:
    def send(self, stage: Stage, model: str, last: str = CALL, path: str = "/v1/messages?beta=true") -> httpx.Response:
        body = claude_body(model, last)
        if "count_tokens" in path:
            body = {name: value for name, value in body.items() if name not in ("stream", "max_tokens", "metadata", "output_config")}
        return httpx.post(stage.url + path, headers=CLAUDE_HEADERS, content=dumped(body))

    def test_to_its_vendor_not_a_byte_is_changed_either_way(self, between: Stage, vendor: Upstream) -> None:
        body = dumped(claude_body("claude-sonnet-4-5", CALL))
        assert len(body) > 100_000
        reply = self.send(between, "claude-sonnet-4-5")
        assert reply.content == b"".join(STREAM)
        (call,) = vendor.calls
        assert call.body == body
        assert call.url == "/v1/messages?beta=true"
        assert header(call.headers, "anthropic-beta") == BETAS
        assert header(call.headers, "anthropic-version") == "2023-06-01"
        assert "key-of-the-agent-0001" not in str(call.headers)

    def test_with_a_name_of_ours_the_name_alone_is_changed(self, between: Stage, vendor: Upstream) -> None:
        self.send(between, "anthropic/claude-sonnet-4-5")
        assert vendor.calls[0].body == dumped(claude_body("claude-sonnet-4-5", CALL))

    @pytest.mark.parametrize("name", ["anthropic/claude-sonnet-4-5", "openai/gpt-4.1", "house"])
    @pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
    def test_an_answer_calls_the_model_as_it_did(self, renaming: Stage, name: str, stream: bool) -> None:
        """By another name it takes the thinking for another model's, and gives none back."""
        reply = httpx.post(
            renaming.url + "/v1/messages", headers=CLAUDE_HEADERS, content=dumped({**claude_body(name, "Hi"), "stream": stream})
        )
        told = events_of(reply)[0]["message"] if stream else reply.json()
        assert told["model"] == name

    def test_its_vendors_own_name_is_told_as_its_vendor_tells_it(self, between: Stage) -> None:
        assert events_of(self.send(between, "claude-sonnet-4-5"))[0]["message"]["model"] == "m"

    def test_thoughts_of_another_vendors_model_do_not_reach_its_own(self, between: Stage, vendor: Upstream) -> None:
        body = claude_body("claude-sonnet-4-5", CALL)
        foreign = {"type": "thinking", "thinking": "Which file is it?", "signature": ""}
        turns: list[Any] = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [foreign, {"type": "text", "text": "Well?"}]},
        ]
        reply = httpx.post(
            between.url + "/v1/messages", headers=CLAUDE_HEADERS, content=dumped({**body, "messages": turns + body["messages"]})
        )
        turns[1]["content"] = [{"type": "text", "text": "Well?"}]
        assert vendor.calls[0].body == dumped({**body, "messages": turns + body["messages"]})
        assert reply.content == b"".join(STREAM)
        assert "without a signature" in warned(reply)

    def test_its_count_of_tokens_reaches_its_vendor_whole(self, between: Stage, vendor: Upstream) -> None:
        reply = self.send(between, "claude-sonnet-4-5", path="/v1/messages/count_tokens?beta=true")
        assert reply.json() == {"input_tokens": 40123}
        (call,) = vendor.calls
        asked, told = claude_body("claude-sonnet-4-5", CALL), json.loads(call.body)
        for name in ("system", "tools", "thinking", "context_management"):
            assert told[name] == asked[name]
        for said, given in zip(told["messages"], asked["messages"], strict=True):
            assert said["content"] in (given["content"], given["content"][0].get("text"))
        assert header(call.headers, "anthropic-beta") == BETAS

    @pytest.mark.parametrize("model", OTHERS)
    def test_to_another_vendor_its_calls_come_piece_by_piece(self, stage: Stage, model: str) -> None:
        events = events_of(self.send(stage, model))
        assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
        (start,) = [
            one["content_block"] for one in events if one["type"] == "content_block_start" and one["content_block"]["type"] == "tool_use"
        ]
        assert start["name"] == "Grep"
        assert start["input"] == {}
        pieces = [
            one["delta"]["partial_json"]
            for one in events
            if one["type"] == "content_block_delta" and one["delta"]["type"] == "input_json_delta"
        ]
        pieces = [piece for piece in pieces if piece]
        if model.startswith("gemini/"):
            assert json.loads("".join(pieces)) == json.loads(ARGUMENTS)
        else:
            assert pieces == list(fragments(ARGUMENTS))
        (delta,) = [one for one in events if one["type"] == "message_delta"]
        assert delta["delta"]["stop_reason"] == "tool_use"

    @pytest.mark.parametrize("model", OTHERS)
    def test_to_another_vendor_what_can_be_carried_is(self, stage: Stage, model: str) -> None:
        reply = self.send(stage, model)
        request = asked_of(stage)
        system = "".join(message.text for message in request.messages if message.role == "system")
        assert LONG in system
        assert [tool.name for tool in request.tools] == [tool["name"] for tool in TOOLS]
        calls = parts_of(request.messages, ToolCall)
        assert [(call.id, call.name, json.loads(call.arguments)) for call in calls] == [(c["id"], c["name"], c["input"]) for c in CALLS]
        results = parts_of(request.messages, ToolResult)
        assert [result.id for result in results] == [call["id"] for call in CALLS]
        pictures = parts_of(request.messages, Image) + [part for result in results for part in result.parts if isinstance(part, Image)]
        assert len(pictures) == 1
        assert request.max_output_tokens == 32000
        assert "context_management" in warned(reply)

    @pytest.mark.parametrize("model", OTHERS[:2])
    def test_thoughts_that_another_vendor_cannot_take_are_named(self, stage: Stage, model: str) -> None:
        reply = self.send(stage, model)
        thoughts = parts_of(asked_of(stage).messages, Reasoning)
        assert not any(thought.signature or thought.redacted_data for thought in thoughts)
        assert "reasoning" in warned(reply)

    def test_thoughts_reach_the_same_models_at_another_host_untouched(self, stage: Stage) -> None:
        self.send(stage, OTHERS[2])
        seen, hidden = parts_of(asked_of(stage).messages, Reasoning)
        assert (seen.text, seen.signature, hidden.redacted_data) == ("Which file is it?", SIGNATURE, "cmVkYWN0ZWQ=")

    @pytest.mark.parametrize("model", OTHERS)
    def test_what_is_left_out_is_named_once_in_a_long_session(self, stage: Stage, model: str) -> None:
        body = claude_body(model, CALL)
        body["messages"] = [*body["messages"][:3] * 200, body["messages"][-1]]
        reply = httpx.post(stage.url + "/v1/messages?beta=true", headers=CLAUDE_HEADERS, content=dumped(body))
        warnings = reply.headers.get_list("x-dragoman-warning")
        assert len(warnings) == len(set(warnings))
        assert any("context_management" in warning for warning in warnings)
        assert not any("tools_at" in warning for warning in warnings)
        assert sum(map(len, warnings)) < 2000

    def test_a_head_with_warnings_stays_such_as_every_client_takes(self, stage: Stage) -> None:
        odd = {f"odd_{number}": 1 for number in range(1000)}
        reply = httpx.post(stage.url + "/v1/messages", headers=CLAUDE_HEADERS, content=dumped(claude_body(OTHERS[0], CALL) | odd))
        warnings = reply.headers.get_list("x-dragoman-warning")
        assert sum(map(len, warnings)) < 5000
        assert warnings[-1].startswith("and ")

    def test_that_tokens_cannot_be_counted_is_told_in_its_vendors_form(self, stage: Stage) -> None:
        reply = self.send(stage, OTHERS[0], path="/v1/messages/count_tokens?beta=true")
        assert reply.status_code in (400, 404)
        told = reply.json()
        assert told["type"] == "error"
        assert told["error"]["type"] in ("invalid_request_error", "not_found_error")
        assert told["request_id"] == reply.headers["request-id"]

    def test_tokens_are_counted_where_another_vendor_counts_them(self, stage: Stage) -> None:
        assert self.send(stage, OTHERS[1], path="/v1/messages/count_tokens?beta=true").json()["input_tokens"] > 1000

    def test_a_window_that_is_too_small_is_told_in_words_that_it_knows(self, stage: Stage) -> None:
        reply = self.send(stage, "openai/gpt-4.1!status=400,code=context_length_exceeded")
        assert reply.status_code == 400
        assert reply.json()["error"]["type"] == "invalid_request_error"
        assert reply.json()["error"]["message"].startswith("prompt is too long: ")

    def test_it_may_look_whether_anybody_is_there(self, stage: Stage) -> None:
        assert httpx.head(stage.url + "/").status_code < 400
        listed = httpx.get(stage.url + "/v1/models?limit=1000", headers=CLAUDE_HEADERS).json()
        assert {"id", "type", "display_name"} <= set(listed["data"][0])


class TestCodex:
    def send(self, stage: Stage, model: str, last: str, *tools: Any) -> httpx.Response:
        return httpx.post(f"{stage.url}/v1/responses", headers=CODEX_HEADERS, content=dumped(codex_body(model, last, *tools)))

    def test_to_its_vendor_not_a_byte_is_changed(self, between: Stage, vendor: Upstream) -> None:
        body = dumped(codex_body("gpt-5-codex", "Look.", PATCH, {"type": "web_search", "external_web_access": False}))
        assert len(body) > 100_000
        httpx.post(f"{between.url}/v1/responses", headers=CODEX_HEADERS, content=body)
        assert vendor.calls[0].body == body
        assert vendor.calls[0].url == "/v1/responses"

    @pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
    def test_to_another_vendor_its_calls_come_piece_by_piece(self, stage: Stage, model: str) -> None:
        arguments = json.dumps({"command": ["bash", "-lc", "ls \u00fc"], "workdir": "/a"}, ensure_ascii=False)
        events = events_of(self.send(stage, model, f"Look. call:shell {arguments}"))
        assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
        deltas = [one["delta"] for one in events if one["type"] == "response.function_call_arguments.delta"]
        if model.startswith("anthropic/"):
            assert deltas == list(fragments(arguments))
        assert json.loads("".join(deltas)) == json.loads(arguments)
        (item,) = [one["item"] for one in events if one["type"] == "response.output_item.done"]
        assert (item["type"], item["name"]) == ("function_call", "shell")
        numbers = [one["sequence_number"] for one in events]
        assert numbers == list(range(len(numbers)))

    @pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
    def test_to_another_vendor_what_can_be_carried_is_and_the_rest_is_named(self, stage: Stage, model: str) -> None:
        reply = self.send(stage, model, "Look.")
        events_of(reply)
        request = asked_of(stage)
        assert "Read only." in "".join(message.text for message in request.messages if message.role == "system")
        assert [tool.name for tool in request.tools] == ["shell", PLAN["name"]]
        (called,), (result,) = parts_of(request.messages, ToolCall), parts_of(request.messages, ToolResult)
        assert (called.name, called.id) == ("shell", result.id)
        assert "prompt_cache_key" in warned(reply)
        assert "encrypted" in warned(reply) or "reasoning" in warned(reply)

    @pytest.mark.parametrize("model", ANYWHERE)
    def test_its_tool_that_takes_free_text_is_called_at_every_vendor(self, stage: Stage, model: str) -> None:
        reply = self.send(stage, model, f"Edit. call:apply_patch {json.dumps({'input': HUNK})}", PATCH)
        events = events_of(reply)
        (item,) = [one["item"] for one in events if one["type"] == "response.output_item.done"]
        assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", HUNK)
        assert "".join(one["delta"] for one in events if one["type"] == "response.custom_tool_call_input.delta") == HUNK
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        result = {"type": "custom_tool_call_output", "call_id": item["call_id"], "output": "Done."}
        body = codex_body(model, "Go on.", PATCH)
        body["input"] += [item, result]
        events_of(httpx.post(f"{stage.url}/v1/responses", headers=CODEX_HEADERS, content=dumped(body)))
        call, given = parts_of(asked_of(stage).messages, ToolCall)[-1], parts_of(asked_of(stage).messages, ToolResult)[-1]
        assert (call.name, json.loads(call.arguments)) == ("apply_patch", {"input": HUNK})
        assert (call.id, given.parts) == (given.id, (Text(text="Done."),))

    @pytest.mark.parametrize("model", ANYWHERE)
    def test_tools_that_it_brings_in_its_input_are_called_at_every_vendor(self, stage: Stage, model: str) -> None:
        body = codex_body(model, 'Ask. call:exec {"input":"1 + 1"} call:team__ask {"whom":"Ada"}')
        body["input"].insert(0, BROUGHT)
        del body["tools"]
        events = events_of(httpx.post(f"{stage.url}/v1/responses", headers=CODEX_HEADERS, content=dumped(body)))
        run, ask = [one["item"] for one in events if one["type"] == "response.output_item.done"]
        assert (run["type"], run["name"], run["namespace"], run["input"]) == ("custom_tool_call", "exec", "functions", "1 + 1")
        assert (ask["type"], ask["name"], ask["namespace"], json.loads(ask["arguments"])) == (
            "function_call",
            "ask",
            "team",
            {"whom": "Ada"},
        )

    @pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
    def test_tools_that_only_its_vendor_has_are_named_and_break_nothing(self, stage: Stage, model: str) -> None:
        reply = self.send(stage, model, "Look.", PATCH, {"type": "web_search", "external_web_access": False})
        assert events_of(reply)[-1]["type"] == "response.completed"
        assert "tools (web_search)" in warned(reply)
        assert "(format)" in warned(reply)
