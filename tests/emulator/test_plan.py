"""Answers as plans: what would be sent and when, without a socket or a moment's wait."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest

from dragoman.core.errors import RateLimited
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, TextDelta
from dragoman.core.exchange import Call, header
from dragoman.core.opaque import Json
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.emulator import Answer, Fault, Scenario, tool_call
from dragoman.emulator.plan import Cut, Pace, Plan, Stall, Wait, Write, sample
from tests.emulator.planned import KEY, NOW_S, OPENAI, app, body, call, response, steps, whole
from tests.emulator.raw import chat, said

# --- pace -------------------------------------------------------------------------------------------------------------------------------


def test_the_first_content_waits_for_the_first_token_and_each_further_one_for_its_turn() -> None:
    paced = app(pace=Pace(ttft_s=0.5, tokens_per_second=10)).answer(call(chat("a b c")), NOW_S)

    planned = steps(paced)

    assert paced.delay_s == 0
    assert [step.seconds for step in planned if isinstance(step, Wait)] == [0.5, 0.1, 0.1]
    assert isinstance(planned[0], Write), "the role comes before the wait"
    assert isinstance(planned[1], Wait)


def test_a_whole_answer_waits_as_long_as_its_stream_would() -> None:
    paced = app(pace=Pace(ttft_s=0.5, tokens_per_second=10)).answer(call(chat("a b c", stream=False)), NOW_S)

    assert paced.delay_s == pytest.approx(0.7)
    assert all(isinstance(step, Write) for step in steps(paced))


def test_slow_start_delays_the_head_itself() -> None:
    for stream in (True, False):
        slow = app(faults=["slow-start=2"]).answer(call(chat(stream=stream)), NOW_S)

        assert slow.delay_s == 2


# --- what is in an answer ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_answers_carry_number_model_time_and_counted_usage(stream: bool) -> None:
    emulated = app()
    emulated.answer(call(chat()), NOW_S)

    told = response(emulated.answer(call(chat("one two three", stream=stream, stream_options={"include_usage": True})), NOW_S))

    assert (told.id, told.model, told.created_s, told.text) == ("chatcmpl-emulated-2", "gpt-4.1", NOW_S, "one two three")
    assert told.usage
    assert (told.usage.input_tokens, told.usage.output_tokens, told.usage.total_tokens) == (3, 3, 6)


@pytest.mark.parametrize("stream", [True, False])
def test_as_many_choices_as_asked_for_are_given_side_by_side(stream: bool) -> None:
    told = response(app().answer(call(chat("one two", stream=stream, n=3)), NOW_S))

    assert [[part.text for part in choice.parts] for choice in told.choices if choice.parts] == [["one two"]] * 3  # type: ignore[union-attr]
    assert {choice.finish and choice.finish.unified for choice in told.choices} == {"stop"}


@pytest.mark.parametrize("n", [0, -1, 129])
def test_an_impossible_number_of_choices_is_refused(n: int) -> None:
    refused = app().answer(call(chat(n=n)), NOW_S)

    assert refused.status == 400
    assert whole(refused)["error"]["param"] == "n"


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_says_reasoning_text_refusal_and_tools(stream: bool) -> None:
    answer = Answer(reasoning="I think so", text="Yes, and", refusal="not that", tool_calls=[tool_call("look", {"at": "the sea"})])

    told = response(app(scenario=answer).answer(call(chat(stream=stream)), NOW_S))

    assert (told.reasoning, told.text, told.refusal) == ("I think so", "Yes, and", "not that")
    assert [(one.name, one.arguments) for one in told.tool_calls] == [("look", '{"at": "the sea"}')]
    assert told.tool_calls[0].id == "call_emulated_1_0_3"
    assert told.finish_reason == "tool_calls"


def test_a_tool_call_comes_in_several_fragments() -> None:
    stream = body(app(scenario=Answer(tool_calls=[tool_call("look", {"at": "the sea"})])).answer(call(chat()), NOW_S).steps)

    fragments = re.findall(rb'"arguments":"((?:[^"\\]|\\.)+)"', stream)
    assert len(fragments) > 2


@pytest.mark.parametrize("stream", [True, False])
def test_the_limit_of_tokens_ends_the_answer(stream: bool) -> None:
    told = response(app().answer(call(chat("one two three", stream=stream, max_completion_tokens=2)), NOW_S))

    assert told.text == "one two"
    assert told.finish_reason == "length"


def test_a_given_finish_and_usage_stand() -> None:
    answer = Answer(text="x", finish="content_filter", usage=Usage(input_tokens=7, output_tokens=9))

    told = response(app(scenario=answer).answer(call(chat(stream=False)), NOW_S))

    assert told.finish_reason == "content_filter"
    assert told.usage
    assert told.usage.total_tokens == 16


def test_steps_are_made_only_as_they_are_taken() -> None:
    made: list[int] = []

    def endless(request: Request) -> Iterable[Event]:
        yield BlockStarted(0, "text")
        while True:
            made.append(1)
            yield TextDelta(0, "x")

    plan = app(scenario=endless).answer(call(chat()), NOW_S)
    planned = iter(plan.steps)
    for _ in range(5):
        next(planned)

    assert len(made) < 8


# --- what a user's own scenario may do --------------------------------------------------------------------------------------------------


def _events(request: Request) -> Iterable[Event]:
    yield Started(id="mine", model="other", created_s=1)
    yield BlockStarted(0, "text")
    yield TextDelta(0, "hi")
    yield BlockEnded(0)
    yield Finished(FinishReason("stop"))


def test_events_are_taken_as_they_are_and_only_the_usage_is_counted() -> None:
    told = response(app(scenario=_events).answer(call(chat(stream=False)), NOW_S))

    assert (told.id, told.model, told.created_s, told.text) == ("mine", "other", 1, "hi")
    assert told.usage
    assert told.usage.output_tokens == 1


def test_a_text_is_an_answer() -> None:
    assert response(app(scenario=lambda request: request.model.upper()).answer(call(chat()), NOW_S)).text == "GPT-4.1"


def test_an_error_of_our_tree_is_told_in_the_dialects_form() -> None:
    def refuse(request: Request) -> Answer:
        raise RateLimited("slow down", retry_after_s=3)

    plan = app(scenario=refuse).answer(call(chat()), NOW_S)

    assert (plan.status, header(plan.headers, "retry-after")) == (429, "3")
    assert whole(plan)["error"]["code"] == "rate_limit_exceeded"
    assert isinstance(plan.error, RateLimited)
    assert plan.request


def _broken_at_once(request: Request) -> Answer:
    raise KeyError("oops")


def _broken_at_first_event(request: Request) -> Iterable[Event]:
    raise KeyError("oops")
    yield


def _illegal(request: Request) -> Iterable[Event]:
    yield TextDelta(5, "oops")


def _nothing(request: Request) -> None:
    return None


@pytest.mark.parametrize("scenario", [_broken_at_once, _broken_at_first_event, _illegal, _nothing])
@pytest.mark.parametrize("stream", [True, False])
def test_a_scenario_that_fails_at_once_is_a_500(scenario: Scenario, stream: bool) -> None:
    plan = app(scenario=scenario).answer(call(chat(stream=stream)), NOW_S)

    assert plan.status == 500
    assert "the scenario failed" in whole(plan)["error"]["message"]


def test_a_scenario_that_fails_later_ends_the_stream_with_the_dialects_error() -> None:
    def breaks(request: Request) -> Iterable[Event]:
        yield BlockStarted(0, "text")
        yield TextDelta(0, "so far")
        raise KeyError("oops")

    stream = body(app(scenario=breaks).answer(call(chat()), NOW_S).steps)

    assert said(stream) == "so far"
    assert b"the scenario failed: KeyError" in stream.splitlines()[-2]
    assert b"[DONE]" not in stream


# --- faults -----------------------------------------------------------------------------------------------------------------------------


def _with(fault: str, **more: Json) -> Plan:
    return app().answer(call(chat(**more), KEY, ("x-dragoman-fault", fault)), NOW_S)


def test_a_status_is_told_in_the_dialects_form() -> None:
    plan = _with("status=429,retry-after=2,code=insufficient_quota")

    assert (plan.status, header(plan.headers, "retry-after"), plan.outcome) == (429, "2", "refused")
    assert whole(plan)["error"]["code"] == "insufficient_quota"
    assert plan.fault == Fault(status=429, retry_after_s=2, code="insufficient_quota")


def test_a_stall_stands_after_so_many_events() -> None:
    planned = steps(_with("stall-after=2"))

    assert [type(step) for step in planned[:4]] == [Write, Write, Stall, Write]
    assert planned[2] == Stall(None)
    assert steps(_with("stall-after=0,stall=1.5"))[0] == Stall(1.5)


def test_a_whole_answer_stalls_in_its_middle() -> None:
    first, stall, second = steps(_with("stall-after=1", stream=False))

    assert isinstance(stall, Stall)
    assert json.loads(body([first, second]))["object"] == "chat.completion"


@pytest.mark.parametrize("stream", [True, False])
def test_a_cut_comes_after_exactly_so_many_bytes(stream: bool) -> None:
    full = body(_with("slow-start=0", stream=stream).steps)
    for size in range(len(full) + 1):
        planned = steps(_with(f"cut-after={size}", stream=stream))
        assert len(body(planned)) == size
        assert isinstance(planned[-1], Cut)


def test_an_answer_shorter_than_the_cut_is_whole() -> None:
    planned = steps(_with("cut-after=100000"))

    assert not any(isinstance(step, Cut) for step in planned)


def test_a_malformed_event_breaks_the_json_and_keeps_the_framing() -> None:
    frames = body(_with("malformed-after=2").steps).split(b"\n\n")

    broken = []
    for at, frame in enumerate(frames[:-2]):
        try:
            json.loads(frame.removeprefix(b"data: "))
        except ValueError:
            broken.append(at)
    assert broken == [2]


def test_a_malformed_whole_answer_is_no_json() -> None:
    plan = _with("malformed-after=0", stream=False)

    data = body(plan.steps)
    assert len(data) == plan.length
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(data)


def test_split_writes_have_the_size_asked_for_and_leave_apart() -> None:
    planned = steps(_with("split=7"))

    writes = [step.data for step in planned if isinstance(step, Write)]
    assert max(map(len, writes)) == 7
    assert said(b"".join(writes)) == "one two three"
    assert all(isinstance(step, Write) == (at % 2 == 0) for at, step in enumerate(planned))


@pytest.mark.parametrize("stream", [True, False])
def test_a_wrong_content_type_replaces_the_right_one(stream: bool) -> None:
    plan = _with("content-type=text/html", stream=stream)

    assert [value for name, value in plan.headers if name == "content-type"] == ["text/html"]


def test_an_error_event_ends_the_stream_inside_the_200() -> None:
    plan = _with("error-after=2,code=server_error")

    stream = body(plan.steps)
    assert plan.status == 200
    assert said(stream) == "one"
    assert json.loads(stream.split(b"\n\n")[-2].removeprefix(b"data: "))["error"]["code"] == "server_error"
    assert b'finish_reason":"stop' not in stream


def test_an_error_may_stand_in_a_whole_200() -> None:
    plan = _with("error-after=2", stream=False)

    assert plan.status == 200
    assert whole(plan)["error"]["type"] == "server_error"


def test_an_error_after_more_events_than_there_are_ends_the_answer() -> None:
    stream = body(_with("error-after=1000").steps)

    assert b'"error"' in stream.split(b"\n\n")[-2]


@pytest.mark.parametrize(("name", "finish_stays"), [("openai", False), ("lockchat", True), ("equing", True)])
def test_no_end_leaves_out_what_completes_an_answer_of_this_host(name: str, finish_stays: bool) -> None:
    emulated = app(name)
    path = f"{emulated.mounts[0].url_path}{emulated.mounts[0].path}"

    stream = body(emulated.answer(call(chat(model="gpt-3.5-turbo"), KEY, ("x-dragoman-fault", "no-end"), path=path), NOW_S).steps)

    assert said(stream) == "one two three"
    assert b"[DONE]" not in stream
    assert (b'"finish_reason":"stop"' in stream) == finish_stays


def test_raycasts_end_is_its_finish_reason() -> None:
    asked = {"model": "gpt-4", "messages": [{"author": "user", "content": {"text": "one two"}}]}

    stream = body(
        app("raycast").answer(call(asked, KEY, ("x-dragoman-fault", "no-end"), path="/raycast/api/v1/ai/chat_completions"), NOW_S).steps
    )

    assert stream == b'data: {"text":"one"}\n\ndata: {"text":" two"}\n\n'


@pytest.mark.parametrize(("fault", "status"), [("html", 200), ("html,status=502", 502)])
def test_a_page_may_stand_in_place_of_the_answer(fault: str, status: int) -> None:
    plan = _with(fault)

    assert (plan.status, header(plan.headers, "content-type")) == (status, "text/html; charset=utf-8")
    assert body(plan.steps).startswith(b"<!DOCTYPE html>")


def test_an_empty_answer_has_status_200_and_the_right_content_type() -> None:
    plan = _with("empty")

    assert (plan.status, plan.length, header(plan.headers, "content-type")) == (200, 0, "text/event-stream")
    assert body(plan.steps) == b""


def test_lockchats_passing_fault_passes() -> None:
    emulated = app("lockchat")
    asked = call(chat(model="gpt-4!passing-fault=2"), path="/lockchat/v1/chat/completions")

    bodies = [body(emulated.answer(asked, NOW_S).steps) for _ in range(3)]

    assert bodies[:2] == [b"The model: `gpt-4` does not exist\n"] * 2
    assert said(bodies[2]) == "one two three"


def test_a_passing_fault_that_the_row_does_not_know_is_refused() -> None:
    plan = _with("passing-fault")

    assert plan.status == 400
    assert "openai has none in its row" in whole(plan)["error"]["message"]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("The model: `[^`]*` does not exist", "The model: `w` does not exist"), (r"^too busy \(.+\)$", "too busy (w)"), (r"(a|b){3}", None)],
)
def test_a_text_is_made_for_a_pattern(pattern: str, text: str | None) -> None:
    assert sample(pattern, "w") == text


def test_a_fault_with_times_is_used_up_for_each_provider_by_itself() -> None:
    emulated = app("openai", "vllm", faults=["status=503,times=2"])

    def statuses(path: str) -> list[int]:
        return [emulated.answer(call(chat(), path=path), NOW_S).status for _ in range(3)]

    assert statuses(OPENAI) == [503, 503, 200]
    assert statuses("/vllm/v1/chat/completions") == [503, 503, 200]


def test_of_several_faults_the_first_that_is_not_used_up_holds() -> None:
    emulated = app(faults=["status=429,times=1", "status=500,times=1"])

    assert [emulated.answer(call(chat()), NOW_S).status for _ in range(3)] == [429, 500, 200]


def test_header_goes_before_suffix_before_answer_before_all() -> None:
    emulated = app(scenario=Answer(text="x", fault="status=503"), faults=["slow-start=1"])

    def plan(*headers: tuple[str, str], model: str = "m") -> Plan:
        return emulated.answer(call(chat(model=model), KEY, *headers), NOW_S)

    assert plan(("x-dragoman-fault", "status=500"), model="m!status=501").status == 500
    assert plan(model="m!status=501").status == 501
    assert plan().status == 503
    assert app(faults=["slow-start=1"]).answer(call(chat()), NOW_S).delay_s == 1


def test_a_fault_that_replaces_the_answer_uses_up_no_answer_of_the_scenario() -> None:
    asked: list[Request] = []

    def counting(request: Request) -> Answer:
        asked.append(request)
        return Answer(text="x")

    emulated = app(scenario=counting, faults=["status=503,times=2"])
    for _ in range(3):
        emulated.answer(call(chat()), NOW_S)

    assert len(asked) == 1


@pytest.mark.parametrize("stream", [True, False])
def test_the_suffix_is_taken_off_the_model(stream: bool) -> None:
    plan = app().answer(call(chat(stream=stream, model="gpt-4.1!slow-start=0.25")), NOW_S)

    assert plan.delay_s == 0.25
    assert plan.request
    assert plan.request.model == "gpt-4.1"
    assert response(plan).model == "gpt-4.1"


@pytest.mark.parametrize(
    "asked", [call(chat(), KEY, ("x-dragoman-fault", "stutus=1")), call(chat(model="m!stutus=1")), call(chat(model="m!"))]
)
def test_a_malformed_fault_is_a_400_that_names_what_is_allowed(asked: Call) -> None:
    plan = app().answer(asked, NOW_S)

    assert plan.status == 400
    assert "status=NNN" in whole(plan)["error"]["message"]
