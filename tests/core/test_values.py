"""The smaller values: usage, times to wait, headers, and a decoder driven to its end."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from dragoman.core.errors import DragomanError, ServerFault, StreamCut, UsageError
from dragoman.core.events import Event, TextDelta
from dragoman.core.exchange import Call, Reply, Timeouts, decode, header, with_headers
from dragoman.core.messages import ROLES, Image, Message, Text
from dragoman.core.request import Request
from dragoman.core.usage import Usage


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(), None),
        (Usage(input_tokens=3), None),
        (Usage(output_tokens=4), None),
        (Usage(input_tokens=3, output_tokens=4, cache_read_tokens=2, reasoning_tokens=1), 7),
        (Usage(input_tokens=0, output_tokens=0), 0),
    ],
)
def test_total_is_unknown_where_a_part_is(usage: Usage, total: int | None) -> None:
    assert usage.total_tokens == total


def test_customary_waits() -> None:
    assert Timeouts() == Timeouts(connect_s=10.0, first_byte_s=300.0, between_bytes_s=120.0, total_s=None)
    assert Timeouts.of(None) == Timeouts()


def test_number_bounds_every_single_wait() -> None:
    assert Timeouts.of(2.5) == Timeouts(connect_s=2.5, first_byte_s=2.5, between_bytes_s=2.5, total_s=None)
    assert Timeouts.of(3).connect_s == 3
    given = Timeouts(total_s=9)
    assert Timeouts.of(given) is given


@pytest.mark.parametrize("odd", [0, -1, 0.0, float("nan"), float("inf"), -float("inf"), True, False, "3", [], b"1"])
@pytest.mark.parametrize("name", ["connect_s", "first_byte_s", "between_bytes_s", "total_s", "timeout"])
def test_odd_wait_is_refused_by_its_name(name: str, odd: object) -> None:
    make: Callable[[], Timeouts] = (lambda: Timeouts.of(odd)) if name == "timeout" else (lambda: Timeouts(**{name: odd}))  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.message == f"{name} is {odd!r}; a positive number of seconds or None is allowed"


def test_waiting_for_ever_can_be_asked_for() -> None:
    assert Timeouts(connect_s=None, first_byte_s=None, between_bytes_s=None).connect_s is None


def test_header_is_the_first_of_its_name() -> None:
    headers = (("a", "1"), ("b", "2"), ("a", "3"))
    assert (header(headers, "a"), header(headers, "b"), header(headers, "c")) == ("1", "2", None)


def test_headers_set_replace_all_of_their_name() -> None:
    assert with_headers((("a", "1"), ("b", "2"), ("a", "3")), {"A": "9", "C": "4"}) == (("b", "2"), ("a", "9"), ("c", "4"))
    assert with_headers((("a", "1"),), {}) == (("a", "1"),)


def test_values_are_frozen_and_compare_by_value() -> None:
    assert Call("POST", "/a") == Call("POST", "/a", (), b"", ())
    assert Reply(200) == Reply(200, (), b"")
    with pytest.raises(AttributeError):
        Text(text="a").text = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Request(model="m", messages=()).model = "n"  # type: ignore[misc]


def test_text_of_a_message_is_its_text_parts() -> None:
    assert Message("user", (Text(text="a"), Image(url="u"), Text(text="b"))).text == "ab"
    assert ROLES == ("system", "user", "assistant", "tool")


def test_message_comes_back_equal_from_json() -> None:
    message = Message("user", (Text(text="a", extra={"x": {"b": [1]}}), Image(data=b"\x00\xff", media_type="image/png")), "ada")
    assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message


class Scripted:
    """A decoder that gives one event a read, and at the end whatever it was told to."""

    ending = False
    idle = False

    def __init__(self, fails_at: int | None = None, done_at: int | None = None, fails_in_close: bool = False) -> None:
        self.error: DragomanError | None = None
        self.done = False
        self.reads = 0
        self._fails_at, self._done_at, self._fails_in_close = fails_at, done_at, fails_in_close

    def feed(self, data: bytes) -> list[Event]:
        self.reads += 1
        self.error = ServerFault("failed") if self.reads == self._fails_at else None
        self.done = self.reads == self._done_at
        return [TextDelta(0, data.decode())]

    def close(self) -> list[Event]:
        self.error = StreamCut("cut") if self._fails_in_close else None
        return [TextDelta(0, "tail")]


def drive(decoder: Scripted) -> tuple[str, str | None]:
    texts: list[str] = []
    try:
        texts.extend(event.text for event in decode(decoder, [b"a", b"b", b"c"]))
    except DragomanError as error:
        return "".join(texts), error.message
    return "".join(texts), None


def test_events_come_before_the_error_of_the_same_read() -> None:
    assert drive(Scripted(fails_at=2)) == ("ab", "failed")
    assert drive(Scripted(fails_in_close=True)) == ("abctail", "cut")


def test_nothing_is_read_after_the_answers_end() -> None:
    decoder = Scripted(done_at=2)
    assert drive(decoder) == ("ab", None)
    assert decoder.reads == 2


def test_end_of_the_bytes_closes_the_decoder() -> None:
    assert drive(Scripted()) == ("abctail", None)


def test_bounds_over_all_tries_shrink_together_until_one_is_used_up() -> None:
    given = Timeouts(first_byte_s=20, total_s=30)
    assert given.after(5) == Timeouts(first_byte_s=15, total_s=25)
    assert given.after(20) is None
    assert Timeouts(first_byte_s=None, total_s=30).after(20) == Timeouts(first_byte_s=None, total_s=10)
    assert Timeouts(first_byte_s=None).after(1e9) == Timeouts(first_byte_s=None)
