"""Deltas to blocks: kinds that follow each other, calls that overlap, and arguments that are looked at no more often than they grow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType, FunctionType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import BadReply
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, OrderCheck, Started, ToolDelta
from dragoman.core.fold import Response, fold
from dragoman.core.messages import Audio, Opaque, Text
from dragoman.wire.balance import Balance
from dragoman.wire.blocks import Blocks
from dragoman.wire.payload import is_complete

Deltas = Callable[[Blocks, list[Event]], None]


def said(deltas: Deltas) -> tuple[list[Event], Response]:
    out: list[Event] = [Started()]
    blocks = Blocks()
    deltas(blocks, out)
    blocks.end(out)
    out.append(Finished(FinishReason("stop")))
    order = OrderCheck()
    for event in out:
        order.check(event)
    order.end()
    return out, fold(out)


def calls(response: Response) -> list[tuple[str, str, str]]:
    return [(call.id, call.name, call.arguments) for call in response.tool_calls]


def test_another_kind_ends_the_block_before() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.reasoning(out, "Hm")
        blocks.sign("proof")
        blocks.text(out, "a")
        blocks.text(out, "b")
        blocks.refusal(out, "No")
        blocks.text(out, "c")

    events, response = said(deltas)
    assert [event.kind for event in events if isinstance(event, BlockStarted)] == ["reasoning", "text", "refusal", "text"]
    assert [event.signature for event in events if isinstance(event, BlockEnded)] == ["proof", None, None, None]
    assert (response.reasoning, response.text, response.refusal) == ("Hm", "abc", "No")


def test_calls_that_overlap_keep_their_fragments() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, "a", "f", '{"x":')
        blocks.tool(out, 1, "b", "g", "[")
        blocks.text(out, "hold on")
        blocks.tool(out, 0, None, None, "1}")
        blocks.tool(out, 1, None, None, "]")

    assert calls(said(deltas)[1]) == [("a", "f", '{"x":1}'), ("b", "g", "[]")]


def test_call_that_is_whole_ends_when_another_begins() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, "a", "f", "{}")
        assert not any(isinstance(event, BlockEnded) for event in out)
        blocks.tool(out, 1, "b", "g", "")
        assert [event.index for event in out if isinstance(event, BlockEnded)] == [0]

    assert calls(said(deltas)[1]) == [("a", "f", "{}"), ("b", "g", "")]


def test_calls_under_one_key_are_told_apart_by_their_ids() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        for name in "abc":
            blocks.tool(out, 0, name, "f", "{}")

    assert calls(said(deltas)[1]) == [("a", "f", "{}"), ("b", "f", "{}"), ("c", "f", "{}")]


def test_calls_without_arguments_under_one_key_are_told_apart_by_their_ids() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, "a", "f", "")
        blocks.tool(out, 0, "b", "f", "")

    assert calls(said(deltas)[1]) == [("a", "f", ""), ("b", "f", "")]


def test_calls_without_ids_under_one_key_are_told_apart_by_their_names() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, None, "f", '{"x"')
        blocks.tool(out, 0, None, None, ":1}")
        blocks.tool(out, 0, None, "g", "{}")

    assert calls(said(deltas)[1]) == [("", "f", '{"x":1}'), ("", "g", "{}")]


def test_id_that_changes_amid_the_arguments_begins_no_call() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, "a-1", "f", '{"x":')
        blocks.tool(out, 0, "a-2", "f", "1}")

    assert calls(said(deltas)[1]) == [("a-1", "f", '{"x":1}')]


def test_blanks_after_a_call_that_ended_are_nothing() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, "a", "f", "{}")
        blocks.text(out, "x")
        blocks.tool(out, 0, None, None, "")
        blocks.tool(out, 0, None, None, " \n")

    events, response = said(deltas)
    assert calls(response) == [("a", "f", "{}")]
    assert sum(isinstance(event, BlockStarted) for event in events) == 2


def test_arguments_after_a_call_that_ended_break_the_protocol() -> None:
    blocks, out = Blocks(), list[Event]()
    blocks.tool(out, 0, "a", "f", "{}")
    blocks.text(out, "x")
    with pytest.raises(BadReply, match="a tool call's arguments go on after their end"):
        blocks.tool(out, 0, None, None, "{}")


def looked_at(run: Callable[[], object]) -> int:
    """How many characters of arguments are parsed while ``run`` runs."""
    assert isinstance(is_complete, FunctionType)
    count = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        if event == "call" and frame.f_code is is_complete.__code__:
            count += len(frame.f_locals["text"])

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def test_arguments_are_not_parsed_before_they_close() -> None:
    blocks, out = Blocks(), list[Event]()

    def deltas() -> None:
        blocks.tool(out, 0, "a", "f", '{"x":')
        for _ in range(100):
            blocks.text(out, "a")
            blocks.tool(out, 0, None, None, "[1],")
            blocks.reasoning(out, "b")

    assert looked_at(deltas) == 0


def test_arguments_interleaved_against_us_are_each_parsed_at_most_once() -> None:
    """Two calls that grow by turns, and ids that change with every fragment: whatever closes is parsed when it does, and never again."""
    blocks, out = Blocks(), list[Event]()
    size = 0

    def deltas() -> None:
        nonlocal size
        for turn in range(2000):
            for key in (0, 1):
                piece = '{"x":"' if turn == 0 else "y" * 20
                blocks.tool(out, key, f"{key}-{turn}", "f", piece)
                blocks.text(out, "a")
                size += len(piece)
        for key in (0, 1):
            blocks.tool(out, key, None, None, '"}')
            size += 2
        blocks.end(out)

    assert looked_at(deltas) <= size


def test_text_that_closes_and_opens_again_is_parsed_once() -> None:
    growing = Balance()

    def grow() -> None:
        for _ in range(1000):
            growing.add("{}")
            growing.is_whole()

    assert looked_at(grow) == 2
    assert not growing.is_whole()


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.data())
def test_balance_says_what_a_parse_says_of_every_prefix(value: object, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans())) + data.draw(st.sampled_from(["", " ", "}", '"', "x", "{}"]))
    growing = Balance()
    at = 0
    while at < len(text):
        size = data.draw(st.integers(1, 8))
        growing.add(text[at : at + size])
        at += size
        assert growing.is_whole() == (is_complete(text[:at]) and (at <= 64 or text[0] in '[{"'))


def test_call_begins_when_its_name_is_known_and_nothing_of_it_is_lost() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, "a", None, "")
        blocks.tool(out, 0, None, None, '{"x"')
        assert not any(isinstance(event, BlockStarted) for event in out)
        blocks.tool(out, 0, None, "f", ":1")
        blocks.tool(out, 0, None, None, "}")

    events, response = said(deltas)
    assert calls(response) == [("a", "f", '{"x":1}')]
    assert [event.arguments for event in events if isinstance(event, ToolDelta)] == ['{"x"', ":1", "}"]


def test_call_whose_name_never_comes_is_told_without_it() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.tool(out, 0, None, None, "{}")
        blocks.text(out, "a")
        blocks.tool(out, 0, "late", None, "")

    assert calls(said(deltas)[1]) == [("late", "", "{}")]


def test_sound_and_what_a_vendor_alone_has_are_blocks_of_their_own() -> None:
    def deltas(blocks: Blocks, out: list[Event]) -> None:
        blocks.audio(out, b"a", "Hel", "audio/pcm")
        blocks.audio(out, b"b", "lo", "audio/pcm")
        blocks.mark({"d": {"id": "1"}})
        blocks.opaque(out, {"d": {"x": 1}})
        blocks.text(out, "c")

    assert said(deltas)[1].choices[0].parts == (
        Audio(data=b"ab", media_type="audio/pcm", transcript="Hello", extra={"d": {"id": "1"}}),
        Opaque(extra={"d": {"x": 1}}),
        Text(text="c"),
    )
