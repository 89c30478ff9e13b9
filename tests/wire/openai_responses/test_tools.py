"""Tools of every kind: what any vendor's model can call is a tool of ours, and comes back as what it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import BadRequest
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, ToolDelta
from dragoman.core.fold import fold
from dragoman.core.messages import Message, Opaque, Text, ToolCall, ToolResult
from dragoman.core.request import NamedTool, Request, Tool
from dragoman.wire.dialects import dialect
from dragoman.wire.openai_responses import encode_request
from dragoman.wire.quirks import NONE
from tests.wire.splits import read, read_split_anyhow

from . import consistent
from .streams import CREATED, NAME, asked, completed, decoder, done, encoded, event, read_request, written, written_request

SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORMAT = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/s"}
FUNCTION: Any = {"type": "function", "name": "now", "description": "The time.", "parameters": SCHEMA, "strict": False}
PATCH: Any = {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": FORMAT}
SEARCH: Any = {"type": "tool_search", "execution": "client", "description": "Looks for tools.", "parameters": SCHEMA}
TEAM: Any = {
    "type": "namespace",
    "name": "team",
    "description": "Others.",
    "tools": [{**FUNCTION, "name": "ask"}, {**PATCH, "name": "say"}],
}
COMMON: Any = {"type": "namespace", "name": "functions", "description": "", "tools": [{**PATCH, "name": "exec"}]}
WEB: Any = {"type": "web_search"}
ADDED: Any = {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [COMMON, TEAM]}
FOUND: Any = {
    "type": "tool_search_output",
    "id": "tso_1",
    "call_id": "s1",
    "execution": "client",
    "status": "completed",
    "tools": [
        {"type": "namespace", "name": "mcp__maps", "description": "Maps.", "tools": [{**FUNCTION, "name": "route", "defer_loading": True}]}
    ],
}
HI: Any = {"type": "message", "role": "user", "content": "Hi"}
TEXT = '*** Begin Patch\n+"\u00fc"\n'
CUSTOM_CALL: Any = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "apply_patch", "input": TEXT, "status": "completed"}
TEAM_CALL: Any = {"type": "function_call", "id": "fc_1", "call_id": "c2", "name": "ask", "namespace": "team", "arguments": "{}"}
SEARCH_CALL: Any = {
    "type": "tool_search_call",
    "id": "tsc_1",
    "call_id": "s1",
    "execution": "client",
    "arguments": {"city": "Nantes"},
    "status": "completed",
}
OTHERS = ("anthropic_messages", "bedrock_converse", "cohere", "gemini", "ollama", "openai_chat")
TOOLS = (PATCH, WEB, TEAM, FUNCTION, SEARCH)


def of(*tools: Any, items: tuple[Any, ...] = (HI,), **fields: Any) -> Any:
    return {"model": "m", "input": list(items), "tools": list(tools), **fields}


def names(request: Request) -> list[str]:
    return [tool.name for tool in request.tools]


def test_tools_that_any_model_can_call_are_ours_and_come_back_as_they_were() -> None:
    request = read_request(of(*TOOLS))
    assert names(request) == ["apply_patch", "team__ask", "team__say", "now", "tool_search"]
    assert request.extra == {NAME: {"tools": [WEB], "tools_at": [1]}}
    assert request.tools[0].parameters is not None
    assert request.tools[0].parameters["required"] == ["input"]
    assert encode_request(request, NONE).warnings == ()
    assert written_request(request)["tools"] == list(TOOLS)


def test_tools_that_come_in_the_input_are_ours_and_come_back_at_their_place() -> None:
    body = of(FUNCTION, WEB, items=({**HI, "content": "a"}, ADDED, {**HI, "role": "developer"}, HI))
    request = read_request(body)
    assert names(request) == ["now", "exec", "team__ask", "team__say"]
    assert [message.role for message in request.messages] == ["user", "system", "user"]
    told = written_request(request)
    assert (told["input"], told["tools"]) == (body["input"], body["tools"])


def test_the_vendors_own_among_those_go_with_the_others_of_the_vendor() -> None:
    request = read_request(of(WEB, FUNCTION, items=({**ADDED, "tools": [COMMON, {"type": "image_generation"}]}, HI)))
    assert names(request) == ["now", "exec"]
    told = written_request(request)
    assert told["tools"] == [WEB, FUNCTION, {"type": "image_generation"}]
    assert told["input"][0] == {**ADDED, "tools": [COMMON]}


def test_a_tool_that_is_there_already_is_not_brought_twice() -> None:
    found = {**FOUND, "tools": [FUNCTION, *FOUND["tools"]]}
    request = read_request(of(FUNCTION, items=(HI, SEARCH_CALL, found, SEARCH_CALL, found)))
    assert names(request) == ["now", "mcp__maps__route"]


def test_an_item_whose_tools_are_there_already_comes_back_at_its_place() -> None:
    deferred = {**FUNCTION, "defer_loading": True}
    brought = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION]}
    body = of(deferred, items=({**HI, "content": "a"}, {**ADDED, "tools": [COMMON]}, {**HI, "role": "developer"}, brought, HI))
    request = read_request(body)
    assert names(request) == ["now", "exec"]
    told = written_request(request)
    assert (told["input"], told["tools"]) == (body["input"], body["tools"])
    assert not [one for one in dialect("openai_chat").encode_request(request, NONE).warnings if "tools_again" in one]


NOT_OURS: dict[str, Any] = {
    "a search that the vendor does": {"type": "tool_search"},
    "a namespace with nothing in it": {**TEAM, "tools": []},
    "a namespace with what only the vendor has": {**TEAM, "tools": [FUNCTION, WEB]},
    "a tool of a new kind": {"type": "brand_new", "name": "x"},
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_no_other_could_run_stays_the_vendors(name: str) -> None:
    request = read_request(of(NOT_OURS[name], FUNCTION))
    assert names(request) == ["now"]
    assert written_request(request)["tools"] == [NOT_OURS[name], FUNCTION]


def test_a_name_that_would_be_too_long_is_cut_and_stays_its_own() -> None:
    inside = [{**FUNCTION, "name": f"{'n' * 60}{end}"} for end in "ab"]
    body = of({**TEAM, "tools": inside}, tool_choice={"type": "function", "name": inside[1]["name"], "namespace": "team"})
    request = read_request(body)
    assert all(len(name) == 64 for name in names(request))
    assert len(set(names(request))) == 2
    assert request.tool_choice == NamedTool(names(request)[1])
    told = written_request(request)
    assert (told["tools"], told["tool_choice"]) == (body["tools"], body["tool_choice"])


def test_the_choice_of_a_custom_tool() -> None:
    body = of(PATCH, tool_choice={"type": "custom", "name": "apply_patch"})
    assert read_request(body).tool_choice == NamedTool("apply_patch")
    assert written_request(read_request(body))["tool_choice"] == body["tool_choice"]


@pytest.mark.parametrize(
    ("tools", "place"),
    [
        ([{"type": "custom"}], "name"),
        ([{**TEAM, "tools": [{"type": "function", "name": 5}]}], "name"),
    ],
    ids=["no name", "no text"],
)
def test_a_tool_that_cannot_be_read_is_refused_with_its_field(tools: list[Any], place: str) -> None:
    with pytest.raises(BadRequest, match=place):
        read_request(of(*tools))
    with pytest.raises(BadRequest, match=r"input\[0\]\.tools\[0\]"):
        read_request(of(items=({**ADDED, "tools": ["now"]}, HI)))


# --- calls and results ------------------------------------------------------------------------------------------------------------------

CUSTOM_RESULT: Any = {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done."}
TEAM_RESULT: Any = {"type": "function_call_output", "call_id": "c2", "output": "Yes."}
TURNS: Any = (HI, CUSTOM_CALL, TEAM_CALL, CUSTOM_RESULT, TEAM_RESULT, SEARCH_CALL, FOUND)


def test_calls_and_results_are_ours_and_come_back_as_they_were() -> None:
    request = read_request(of(*TOOLS, items=TURNS))
    _, turn, results, search, found = request.messages
    calls = [part for message in (turn, search) for part in message.parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name, json.loads(call.arguments)) for call in calls] == [
        ("c1", "apply_patch", {"input": TEXT}),
        ("c2", "team__ask", {}),
        ("s1", "tool_search", {"city": "Nantes"}),
    ]
    told = [part for message in (results, found) for part in message.parts if isinstance(part, ToolResult)]
    assert [part.id for part in told] == ["c1", "c2", "s1"]
    assert told[2].parts == (Text(text='[{"name":"mcp__maps__route","description":"The time."}]'),)
    assert written_request(request)["input"] == list(TURNS)


@pytest.mark.parametrize("name", OTHERS)
def test_another_vendor_gets_functions_and_nothing_else(name: str) -> None:
    request = read_request(of(*TOOLS, items=(ADDED, *TURNS)))
    call = dialect(name).encode_request(request, NONE)
    sent = call.body.decode()
    for tool in ("apply_patch", "team__ask", "team__say", "now", "tool_search", "exec", "mcp__maps__route"):
        assert f'"{tool}"' in sent
    assert "additional_tools" not in sent
    assert "custom_tool_call" not in sent
    assert json.dumps(json.dumps({"input": TEXT}, ensure_ascii=False, separators=(",", ":")), ensure_ascii=False)[1:-1] in sent or (
        json.dumps({"input": TEXT}, ensure_ascii=False, separators=(",", ":")) in sent
    )
    assert any("(web_search)" in warning for warning in call.warnings)
    assert any("(format)" in warning for warning in call.warnings)


def test_what_another_vendors_model_called_is_told_as_what_the_tool_is_here() -> None:
    request = read_request(of(*TOOLS))
    said = Message(
        "assistant",
        (
            ToolCall(id="c1", name="apply_patch", arguments=json.dumps({"input": TEXT})),
            ToolCall(id="c2", name="team__ask", arguments="{}"),
            ToolCall(id="s1", name="tool_search", arguments='{"city":"Nantes"}'),
        ),
    )
    results = Message("tool", tuple(ToolResult(id=id, parts=(Text(text="Yes."),)) for id in ("c1", "c2")))
    told = written_request(Request(model="m", messages=(*request.messages, said, results), tools=request.tools))["input"]
    assert [(item["type"], item["call_id"], item.get("name"), item.get("namespace")) for item in told[1:]] == [
        ("custom_tool_call", "c1", "apply_patch", None),
        ("function_call", "c2", "ask", "team"),
        ("tool_search_call", "s1", None, None),
        ("custom_tool_call_output", "c1", None, None),
        ("function_call_output", "c2", None, None),
    ]
    assert told[1]["input"] == TEXT
    assert (told[3]["execution"], told[3]["arguments"]) == ("client", {"city": "Nantes"})


# --- answers ----------------------------------------------------------------------------------------------------------------------------

ARGUMENTS = json.dumps({"input": TEXT}, ensure_ascii=False)
PIECES = [ARGUMENTS[at : at + 3] for at in range(0, len(ARGUMENTS), 3)]
FROM_ANOTHER: tuple[Event, ...] = (
    Started(id="chat-1", model="told-1", created_s=5),
    BlockStarted(0, "tool", "c1", "apply_patch"),
    *(ToolDelta(0, piece) for piece in PIECES),
    BlockEnded(0),
    BlockStarted(1, "tool", "c2", "team__ask"),
    ToolDelta(1, "{}"),
    BlockEnded(1),
    BlockStarted(2, "tool", "c3", "team__say"),
    ToolDelta(2, '{"input":"Hi"}'),
    BlockEnded(2),
    BlockStarted(3, "tool", "s1", "tool_search"),
    ToolDelta(3, '{"city":'),
    ToolDelta(3, '"Nantes"}'),
    BlockEnded(3),
    Finished(FinishReason("tool_calls", "tool_use")),
)


def test_calls_of_another_vendors_model_are_told_as_what_the_tools_are() -> None:
    request = read_request(of(*TOOLS, stream=True))
    final = consistent.check(encoded(FROM_ANOTHER, request))
    patch, ask, say, search = final["output"]
    assert patch == {
        "id": "ctc_chat-1_0",
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "c1",
        "name": "apply_patch",
        "input": TEXT,
    }
    assert (ask["type"], ask["name"], ask["namespace"], ask["arguments"]) == ("function_call", "ask", "team", "{}")
    assert (say["type"], say["name"], say["namespace"], say["input"]) == ("custom_tool_call", "say", "team", "Hi")
    assert (search["type"], search["execution"], search["arguments"]) == ("tool_search_call", "client", {"city": "Nantes"})
    assert "name" not in search
    whole = json.loads(encoded(FROM_ANOTHER, read_request(of(*TOOLS))))
    assert whole["output"] == final["output"]
    assert whole["tools"] == list(TOOLS)


def test_the_text_of_a_custom_tool_streams() -> None:
    events = consistent.events_of(encoded(FROM_ANOTHER, read_request(of(PATCH, stream=True))))
    of_patch = [one for one in events if one.get("output_index") == 0]
    assert [one["type"] for one in (of_patch[0], *of_patch[-2:])] == [
        "response.output_item.added",
        "response.custom_tool_call_input.done",
        "response.output_item.done",
    ]
    assert of_patch[0]["item"]["input"] == ""
    deltas = [one for one in of_patch if one["type"] == "response.custom_tool_call_input.delta"]
    assert {one["item_id"] for one in of_patch[1:-1]} == {of_patch[0]["item"]["id"]}
    assert len(deltas) > len(PIECES) // 2
    assert "".join(one["delta"] for one in deltas) == TEXT


def test_a_tool_in_the_common_namespace_is_called_there() -> None:
    events = (
        Started(id="a"),
        BlockStarted(0, "tool", "c1", "exec"),
        ToolDelta(0, '{"input":"1+1"}'),
        BlockEnded(0),
        Finished(FinishReason("tool_calls")),
    )
    (item,) = json.loads(encoded(events, read_request(of(items=(ADDED, HI)))))["output"]
    assert (item["type"], item["name"], item["namespace"], item["input"]) == ("custom_tool_call", "exec", "functions", "1+1")


CALLS = [CUSTOM_CALL, {**TEAM_CALL, "status": "completed"}, SEARCH_CALL]


def begun(index: int, **nothing_yet: Any) -> Any:
    return event("response.output_item.added", output_index=index, item={**CALLS[index], **nothing_yet, "status": "in_progress"})


def grown(kind: str, index: int, words: str) -> Any:
    return event(f"response.{kind}.delta", output_index=index, item_id=CALLS[index]["id"], delta=words)


STREAM = (
    CREATED,
    begun(0, input=""),
    grown("custom_tool_call_input", 0, TEXT[:9]),
    grown("custom_tool_call_input", 0, TEXT[9:]),
    event("response.custom_tool_call_input.done", output_index=0, item_id="ctc_1", input=TEXT),
    done(0, CALLS[0]),
    begun(1, arguments=""),
    grown("function_call_arguments", 1, "{}"),
    done(1, CALLS[1]),
    begun(2, arguments={}),
    done(2, CALLS[2]),
    completed(*CALLS),
)
TERSE = (CREATED, begun(0, input=""), done(0, CALLS[0]), done(1, CALLS[1]), done(2, CALLS[2]), completed(*CALLS))


@pytest.mark.parametrize("stream", [STREAM, TERSE, (CREATED, completed(*CALLS))], ids=["deltas", "items", "the end alone"])
def test_calls_in_an_answer_are_ours_and_go_back_as_they_came(stream: Any) -> None:
    for pieces in ([written(*stream)], [bytes([byte]) for byte in written(*stream)]):
        told = read(decoder(), pieces)
        assert told.error is None
        calls = [part for part in told.response.parts if isinstance(part, ToolCall)]
        assert [(call.id, call.name, json.loads(call.arguments)) for call in calls] == [
            ("c1", "apply_patch", {"input": TEXT}),
            ("c2", "team__ask", {}),
            ("s1", "tool_search", {"city": "Nantes"}),
        ]
        assert told.response.finish is not None
        assert told.response.finish.unified == "tool_calls"
        back = written_request(Request(model="m", messages=(told.response.message,)))["input"]
        assert back == CALLS
        answer = encoded(told.events, asked())
        assert consistent.check(answer)["output"] == CALLS


def test_the_text_of_a_custom_tool_is_told_as_it_comes() -> None:
    told = read(decoder(), [written(*STREAM)])
    deltas = [one.arguments for one in told.events if isinstance(one, ToolDelta) and one.index == 0]
    assert [json.loads(f'"{delta}"') for delta in deltas[1:3]] == [TEXT[:9], TEXT[9:]]
    assert json.loads("".join(deltas)) == {"input": TEXT}


def test_a_call_that_xai_makes_and_answers_itself_is_an_item_of_its_own() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "xs_call_1", "name": "x_keyword_search", "input": "{}"}
    place = {"output_index": 0, "item_id": "ctc_1"}
    told = read_split_anyhow(
        decoder,
        written(
            CREATED,
            event("response.output_item.added", item={**item, "input": ""}, **place),
            event("response.custom_tool_call_input.delta", delta="{}", **place),
            done(0, item),
            completed(item),
        ),
    )
    response = told.response
    assert (told.error, response.finish_reason, response.tool_calls) == (None, "stop", ())
    assert response.parts == (Opaque(extra={NAME: item}),)
    assert read_request(of(items=(HI, item))).messages[1].parts == response.parts


def test_a_search_that_the_vendor_does_is_an_item_of_its_own() -> None:
    own = {**SEARCH_CALL, "execution": "server", "call_id": None}
    told = read(decoder(), [written(CREATED, done(0, own), completed(own))])
    assert told.response.finish is not None
    assert told.response.finish.unified == "stop"
    assert fold(told.events).message.parts[0].extra == {NAME: own}


def test_a_function_that_has_a_custom_tools_name_stays_one() -> None:
    request = Request(model="m", messages=(), stream=True, tools=(Tool(name="apply_patch"),))
    final = consistent.check(encoded((*FROM_ANOTHER[:2], ToolDelta(0, "{}"), BlockEnded(0), FROM_ANOTHER[-1]), request))
    assert (final["output"][0]["type"], final["output"][0]["arguments"]) == ("function_call", "{}")
