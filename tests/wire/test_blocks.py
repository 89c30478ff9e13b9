"""Deltas to blocks: kinds that follow each other, calls that overlap, and arguments that are looked at no more often than they grow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, FunctionType

import pytest

from dragoman.core.errors import BadReply
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, OrderCheck, Started
from dragoman.core.fold import Response, fold
from dragoman.wire.blocks import Blocks, _Tool
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


def count_calls(function: FunctionType, run: Callable[[], object]) -> int:
    """How often ``function`` is called while ``run`` runs."""
    count = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code is function.__code__

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def test_arguments_are_judged_only_when_they_grew() -> None:
    blocks, out = Blocks(), list[Event]()

    def deltas() -> None:
        blocks.tool(out, 0, "a", "f", '{"x":')
        for _ in range(100):
            blocks.text(out, "a")
            blocks.reasoning(out, "b")

    assert isinstance(is_complete, FunctionType)
    assert count_calls(is_complete, deltas) == 1


def test_calls_that_stay_open_are_not_judged_again_when_another_begins() -> None:
    blocks, out = Blocks(), list[Event]()

    def deltas() -> None:
        for key in range(100):
            blocks.tool(out, key, f"call-{key}", "f", "{")

    assert isinstance(_Tool.is_whole, FunctionType)
    assert count_calls(_Tool.is_whole, deltas) == 99
