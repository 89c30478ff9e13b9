"""What the settings and timeouts allow, and which limit an exchange has reached."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Timeouts
from dragoman.transport.settings import Settings
from dragoman.transport.waits import Waits

BAD = [
    ("proxy", 3),
    ("trust_env", "yes"),
    ("verify", None),
    ("verify", "/etc/ssl"),
    ("ca_file", ""),
    ("ca_file", 1),
    ("client_cert", ("one",)),
    ("client_cert", ("one", "")),
    ("client_cert", ["one", "two"]),
    ("max_idle_connections", -1),
    ("max_idle_connections", 1.5),
    ("max_idle_connections", True),
    ("idle_timeout_s", 0),
    ("idle_timeout_s", -1),
    ("idle_timeout_s", float("inf")),
    ("idle_timeout_s", float("nan")),
    ("max_head_bytes", 10),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_that_is_not_allowed_is_named_with_what_is(name: str, value: object) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=rf"{name} is .* allowed"):
        Settings(**given)


@pytest.mark.parametrize("name", ["connect_s", "first_byte_s", "between_bytes_s", "total_s"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "3", True])
def test_a_timeout_that_is_not_positive_is_refused(name: str, value: object) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=name):
        Timeouts(**given)


def test_each_wait_ends_with_the_nearest_of_its_limits() -> None:
    waits = Waits(Timeouts(connect_s=2, first_byte_s=5, between_bytes_s=3, total_s=9), 100.0)
    assert waits.connect(100.0) == 102.0
    assert waits.connect(104.0) == 105.0
    assert waits.answer(104.0) == 105.0
    assert "first_byte_s" in str(waits.answer_timed_out(104.0))
    waits.begun = True
    assert waits.answer(105.0) == 108.0
    assert "between_bytes_s" in str(waits.answer_timed_out(105.0))
    assert waits.answer(108.0) == 109.0
    assert "total_s" in str(waits.answer_timed_out(108.0))


def test_without_limits_waits_have_no_end() -> None:
    waits = Waits(Timeouts(connect_s=None, first_byte_s=None, between_bytes_s=None), 0.0)
    assert (waits.connect(1.0), waits.answer(1.0)) == (None, None)
    waits.begun = True
    assert waits.answer(1.0) is None
    assert "wait" in str(waits.answer_timed_out(1.0))
