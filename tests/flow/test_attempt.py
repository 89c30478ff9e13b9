"""One try: what it asks of its driver, in which order, and how it ends."""

from __future__ import annotations

from typing import Literal

import pytest

from dragoman.core.errors import (
    REDACTED,
    AuthFailed,
    BadReply,
    BadRequest,
    Cancelled,
    ConnectFailed,
    DragomanError,
    ModelNotFound,
    Overloaded,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
)
from dragoman.core.events import Finished, Started, TextDelta
from dragoman.core.exchange import Call, Decoder, Headers, Timeouts
from dragoman.core.fold import Response
from dragoman.flow.attempt import ERROR_BODY_S, MAX_ERROR_BYTES, TAIL_S, Progress, attempt
from dragoman.flow.effects import Flow, Open, Read
from dragoman.wire import openai_chat
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.flow.by_hand import CALL, DONE, FINISHED, ROLE, SECRET, STREAM_HEADERS, USAGE, Heard, Pause, World, target, text, world

TIMEOUTS = Timeouts()
NEEDS_DONE = Quirks(end_marker="done")


def one_try(quirks: Quirks = NONE, call: Call = CALL, timeouts: Timeouts = TIMEOUTS, progress: Progress | None = None) -> Flow[None]:
    return attempt(target(quirks, call), timeouts, progress or Progress())


def error_of(there: World, quirks: Quirks = NONE) -> DragomanError:
    return there.fails(one_try(quirks))


# --- an answer that goes well


def test_an_answer_is_opened_read_delivered_and_finished() -> None:
    there = world(Heard(pieces=(text("a"), text("b") + FINISHED, DONE))).run(one_try())
    assert there.kinds == ["Open", "Read", "Emit", "Read", "Emit", "Read", "Emit", "Finish"]
    assert there.response.text == "ab"
    assert there.response.finish_reason == "stop"


def test_the_call_and_the_time_allowed_go_out_as_they_were_given() -> None:
    timeouts = Timeouts(connect_s=1, first_byte_s=2, between_bytes_s=3, total_s=4)
    there = world(Heard()).run(one_try(timeouts=timeouts))
    assert there.asked(Open) == [Open(CALL, timeouts)]


def test_each_read_is_delivered_at_once() -> None:
    there = world(Heard(pieces=(text("a"), text("b", "c"), FINISHED + DONE))).run(one_try())
    batches = [[event.text for event in effect.events] for effect in there.effects if hasattr(effect, "events")]
    assert [[word for word in batch if word] for batch in batches] == [["a"], ["b", "c"], []]


def test_nothing_is_read_after_the_end_of_the_answer() -> None:
    there = world(Heard(pieces=(text("a") + FINISHED + DONE, b"late"))).run(one_try())
    assert len(there.asked(Read)) == 1
    assert there.kinds[-1] == "Finish"


def test_nothing_is_delivered_where_a_read_completes_no_event() -> None:
    whole = text("a")
    there = world(Heard(pieces=(whole[:10], whole[10:] + FINISHED + DONE))).run(one_try())
    assert there.kinds == ["Open", "Read", "Read", "Emit", "Finish"]


# --- the tail after the content is complete


def test_silence_after_the_finish_completes_the_answer_and_closes() -> None:
    there = world(Heard(pieces=(text("a") + FINISHED, Pause(600)))).run(one_try())
    assert there.kinds == ["Open", "Read", "Emit", "Read", "Close", "Emit", "Finish"]
    assert there.asked(Read)[-1].timeout_s == TAIL_S
    assert there.clock_s == 100.0 + TAIL_S == 102.0
    assert there.response.text == "a"
    assert there.response.finish_reason == "stop"


@pytest.mark.parametrize("marker", ["done", "stream"])
def test_an_end_marker_that_is_due_is_waited_for(marker: Literal["done", "stream"]) -> None:
    there = world(Heard(pieces=(text("a") + FINISHED, Pause(60), DONE))).run(one_try(Quirks(end_marker=marker)))
    assert there.response.finish_reason == "stop"
    assert [effect.timeout_s for effect in there.asked(Read)] == [None, None]


def test_silence_where_the_end_marker_is_due_is_no_success() -> None:
    there = world(Heard(pieces=(text("a") + FINISHED, TimedOut("the answer paused"))))
    assert isinstance(error_of(there, NEEDS_DONE), TimedOut)
    assert there.response.text == "a"


def test_usage_that_comes_in_the_tail_is_kept() -> None:
    there = world(Heard(pieces=(text("a") + FINISHED, Pause(1.5), USAGE, Pause(600)))).run(one_try())
    assert there.response.usage is not None
    assert there.response.usage.output_tokens == 2


def test_a_connection_that_breaks_in_the_tail_does_not_spoil_a_complete_answer() -> None:
    there = world(Heard(pieces=(text("a") + FINISHED, StreamCut("the connection was reset")))).run(one_try())
    assert there.response.finish_reason == "stop"
    assert there.kinds[-3:] == ["Close", "Emit", "Finish"]


def test_a_connection_that_breaks_before_the_due_end_marker_is_a_cut() -> None:
    error = error_of(world(Heard(pieces=(text("a") + FINISHED, StreamCut("the connection was reset")))), NEEDS_DONE)
    assert isinstance(error, StreamCut)


def test_closing_in_the_tail_is_no_success() -> None:
    assert isinstance(error_of(world(Heard(pieces=(text("a") + FINISHED, Cancelled("closed"))))), Cancelled)


# --- bytes without content


@pytest.mark.parametrize("beat", [b": PROCESSING\n\n", b"\n", b"\r\n", b"junk\n"])
@pytest.mark.parametrize(("before", "waited_s", "name"), [((), 300.0, "first_byte_s"), ((text("a"),), 120.0, "between_bytes_s")])
def test_bytes_without_content_do_not_prolong_the_wait(beat: bytes, before: tuple[bytes, ...], waited_s: float, name: str) -> None:
    there = world(Heard(pieces=(*before, *(beat, Pause(7)) * 1000)))
    error = error_of(there)
    assert isinstance(error, TimedOut)
    assert f"no content within {waited_s:g} s" in error.message
    assert name in error.message
    assert there.clock_s == 100.0 + waited_s


def test_content_after_heartbeats_is_delivered_and_starts_the_wait_anew() -> None:
    beats = (b": PROCESSING\n\n", Pause(10.0)) * 11
    there = world(Heard(pieces=(*beats, *beats, text("a"), *beats, text("b"), *beats, FINISHED + DONE))).run(one_try())
    assert there.response.text == "ab"


def test_a_large_event_in_many_reads_is_no_silence() -> None:
    pieces = [piece for at in range(0, 60, 5) for piece in (text("a")[at : at + 5], Pause(50))]
    there = world(Heard(pieces=(*pieces, text("a")[60:] + FINISHED + DONE))).run(one_try())
    assert there.response.text == "a"


def test_a_whole_body_that_comes_slowly_is_no_silence_but_blank_lines_before_it_are() -> None:
    def slow(*pieces: bytes | Pause) -> World:
        return world(Heard(pieces=pieces))

    def whole() -> Flow[None]:
        return attempt(target(decoder=lambda headers: openai_chat.decoder(False, NONE)), TIMEOUTS, Progress())

    body = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]\n'
    assert slow(b"\n", Pause(100), body, *(Pause(100), b"\n") * 9, b"}").run(whole()).response.text == "a"
    assert isinstance(slow(*(b"\n", Pause(100)) * 9).fails(whole()), TimedOut)


# --- an answer that breaks off


@pytest.mark.parametrize(
    "pieces", [(), (ROLE,), (text("a"),), (text("a", "b"), text("c")), (text("a")[:-20],), (text("a") + text("b")[:30],)]
)
def test_a_stream_that_ends_without_its_end_is_an_error(pieces: tuple[bytes, ...]) -> None:
    there = world(Heard(pieces=pieces))
    error = error_of(there)
    assert isinstance(error, StreamCut if b"".join(pieces) else BadReply)
    assert there.kinds[-1] in ("Close", "Now")
    assert not any(isinstance(event, Finished) for event in there.events)


def test_what_came_before_an_error_in_the_same_read_is_delivered_before_it_is_raised() -> None:
    broken = text("a", "b") + b'data: {"choices":[{"delta":\n\n' + text("never")
    there = world(Heard(pieces=(broken,)))
    error = error_of(there)
    assert isinstance(error, BadReply)
    assert there.response.text == "ab"
    assert there.kinds == ["Open", "Read", "Emit", "Close", "Now"]


def test_an_error_told_inside_a_success_is_raised_as_what_it_is() -> None:
    told = b'data: {"error":{"message":"too fast","type":"rate_limit_error","code":"rate_limit_exceeded"}}\n\n'
    there = world(Heard(pieces=(text("a") + told,)))
    error = error_of(there)
    assert isinstance(error, RateLimited)
    assert there.response.text == "a"


@pytest.mark.parametrize("error", [ConnectFailed("refused"), TimedOut("too long"), Cancelled("closed")])
def test_an_error_of_the_transport_passes_with_the_target_on_it(error: DragomanError) -> None:
    raised = error_of(world(error))
    assert raised is error
    assert (raised.provider, raised.model) == ("here", "m")


def test_an_error_in_the_midst_closes_the_connection() -> None:
    there = world(Heard(pieces=(text("a"), TimedOut("silence"))))
    assert isinstance(error_of(there), TimedOut)
    assert "Close" in there.kinds[there.kinds.index("Emit") :]


# --- a failing status


def reply(status: int, body: bytes = b"", *headers: tuple[str, str]) -> World:
    return world(Heard(pieces=(body,) if body else (), status=status, headers=(("content-type", "application/json"), *headers)))


STATUSES: list[tuple[int, type[DragomanError]]] = [
    (400, BadRequest),
    (401, AuthFailed),
    (404, ModelNotFound),
    (429, RateLimited),
    (500, ServerFault),
    (502, ServerFault),
    (503, Overloaded),
    (529, Overloaded),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_a_failing_status_is_the_error_that_it_tells(status: int, kind: type[DragomanError]) -> None:
    error = error_of(reply(status, b'{"error":{"message":"no"}}'))
    assert type(error) is kind
    assert error.status == status
    assert error.message == "no"
    assert (error.provider, error.model) == ("here", "m")


def test_a_failing_answer_that_was_read_whole_leaves_its_connection_for_the_next_call() -> None:
    there = reply(500, b"{}")
    error_of(there)
    assert there.kinds == ["Open", "Now", "Read", "Now", "Read", "Finish", "Close", "Now"]


def test_a_failing_answer_that_is_cut_short_still_tells_its_status() -> None:
    there = world(Heard(pieces=(b'{"error":', StreamCut("reset")), status=503))
    error = error_of(there)
    assert isinstance(error, Overloaded)
    assert error.status == 503
    assert "Finish" not in there.kinds


def test_an_endless_failing_answer_is_not_read_to_its_end() -> None:
    piece = b"x" * 65536
    there = world(Heard(pieces=(piece,) * 100, status=500))
    assert isinstance(error_of(there), ServerFault)
    assert len(there.asked(Read)) == MAX_ERROR_BYTES // len(piece) + 1
    assert "Finish" not in there.kinds


@pytest.mark.parametrize("pause_s", [0.3, 60.0], ids=["drips", "stalls"])
def test_a_failing_answer_that_does_not_end_is_told_by_what_came(pause_s: float) -> None:
    there = world(Heard(pieces=(b"no such key", *(Pause(pause_s), b".") * 1000), status=401, headers=()))
    error = error_of(there)
    assert isinstance(error, AuthFailed)
    assert "no such key" in error.message
    assert ERROR_BODY_S <= there.clock_s - 100.0 < ERROR_BODY_S + 0.5
    assert "Finish" not in there.kinds


def test_a_redirect_is_not_followed_and_says_where_it_led() -> None:
    error = error_of(world(Heard(pieces=(), status=307, headers=(("location", "https://elsewhere/"),))))
    assert isinstance(error, BadReply)
    assert "https://elsewhere/" in error.message
    assert not error.retryable


# --- facts


@pytest.mark.parametrize("field", ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"])
def test_the_services_name_for_the_request_is_on_the_error(field: str) -> None:
    assert error_of(reply(500, b"{}", (field, "r-7"))).request_id == "r-7"


def test_the_wait_that_the_service_asks_for_is_on_the_error() -> None:
    assert error_of(reply(429, b"{}", ("retry-after", "7"))).retry_after_s == 7.0
    assert error_of(reply(429, b"{}", ("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT"))).retry_after_s == 30.0
    assert error_of(reply(429, b"{}")).retry_after_s is None


def test_an_answer_of_a_type_that_no_answer_has_is_refused_before_it_is_read() -> None:
    def refuse(headers: Headers) -> Decoder:
        raise BadReply("a page")

    there = world(Heard(headers=(("content-type", "text/html"), ("x-request-id", "r-1"))))
    error = there.fails(attempt(target(decoder=refuse), TIMEOUTS, Progress()))
    assert isinstance(error, BadReply)
    assert error.request_id == "r-1"
    assert there.asked(Read) == []


@pytest.mark.parametrize("status", [200, 401])
def test_a_key_that_the_service_repeats_is_not_on_the_error(status: int) -> None:
    told = b'{"error":{"message":"bad key %b","code":"%b","param":"%b"}}' % ((SECRET.encode(),) * 3)
    error = error_of(world(Heard(pieces=(told if status != 200 else b"data: " + told + b"\n\n",), status=status)))
    assert error.message == f"bad key {REDACTED}"
    assert SECRET not in repr(error) + str(error) + repr(error.__dict__)


def test_a_key_inside_an_answer_that_cannot_be_read_is_not_on_the_error() -> None:
    error = error_of(world(Heard(pieces=(b"data: {" + SECRET.encode() + b"\n\n",))))
    assert isinstance(error, BadReply)
    assert error.body == "{" + REDACTED


# --- progress and warnings


@pytest.mark.parametrize(
    ("pieces", "delivered"),
    [((), False), ((ROLE,), False), ((text("a"),), True), ((ROLE, text("a")), True), ((FINISHED + DONE,), True)],
)
def test_delivered_means_more_than_that_the_answer_began(pieces: tuple[bytes, ...], delivered: bool) -> None:
    progress = Progress()
    there = world(Heard(pieces=(*pieces, StreamCut("reset"))))
    flow = one_try(progress=progress)
    if pieces and pieces[-1].endswith(DONE):
        there.run(flow)
    else:
        there.fails(flow)
    assert progress.delivered is delivered


def test_what_the_call_could_not_carry_is_said_when_the_answer_starts() -> None:
    call = Call("POST", "http://host/", warnings=("seed: not understood by this provider, left out",))
    there = world(Heard()).run(one_try(call=call))
    started = there.events[0]
    assert isinstance(started, Started)
    assert started.warnings == call.warnings
    assert there.response.warnings == call.warnings


def test_warnings_of_the_answer_itself_stand_behind_those_of_the_call() -> None:
    class Warned:
        error = None
        done = False
        ending = False
        idle = False

        def feed(self, data: bytes) -> list[Started | TextDelta]:
            return [Started(warnings=("answer",))]

        def close(self) -> list[Started]:
            self.done = True
            return []

    there = world(Heard(pieces=(b"x",)))
    given = target(call=Call("POST", "http://host/", warnings=("call",)), decoder=lambda headers: Warned())  # type: ignore[arg-type, return-value]  # the least that a decoder is
    there.run(attempt(given, TIMEOUTS, Progress()))
    assert there.events == [Started(warnings=("call", "answer"))]


def test_a_passing_fault_in_the_stream_may_be_tried_again() -> None:
    quirks = Quirks(passing_faults=(PassingFault("The model: `[^`]*` does not exist", "ModelNotFound"),))
    error = error_of(world(Heard(pieces=(b"The model: `gpt-4` does not exist\n",))), quirks)
    assert isinstance(error, ModelNotFound)
    assert error.retryable


def test_the_whole_form_gives_the_same_answer() -> None:
    body = b'{"id":"c1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}]}'

    def told(streaming: bool, pieces: tuple[bytes, ...]) -> Response:
        given = target(decoder=lambda headers: openai_chat.decoder(streaming, NONE))
        return world(Heard(pieces=pieces, headers=STREAM_HEADERS)).run(attempt(given, TIMEOUTS, Progress())).response

    assert told(False, (body[:30], body[30:])) == told(True, (text("a", "b") + FINISHED + DONE,))
