"""Every form in which a service says how long to wait, and that nothing else is taken for one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.core.exchange import Headers
from dragoman.flow.retry_after import retry_after_s

NOW_S = 1_784_548_800.0
"""Mon, 20 Jul 2026 12:00:00 GMT."""

FORMS = [
    ("2", 2.0),
    ("0", 0.0),
    ("1.5", 1.5),
    (" 7 ", 7.0),
    ("120", 120.0),
    ("Mon, 20 Jul 2026 12:00:30 GMT", 30.0),
    ("Mon, 20 Jul 2026 14:00:30 +0200", 30.0),
    ("Mon, 20 Jul 2026 12:00:30 -0000", 30.0),
    ("Mon, 20 Jul 2026 12:00:30", 30.0),
    ("Monday, 20-Jul-26 12:00:30 GMT", 30.0),
    ("Mon Jul 20 12:00:30 2026", 30.0),
    ("Mon, 20 Jul 2026 11:00:00 GMT", 0.0),
    ("1784548860", 60.0),
    ("1784548740", 0.0),
    ("1784548860500", 60.5),
    ("250ms", 0.25),
    ("6m0s", 360.0),
    ("1h2m3.5s", 3723.5),
    ("1d", 86400.0),
    ("59.931s", 59.931),
]
GARBAGE = [
    *("", " ", "soon", "-1", "-0.5", "nan", "inf", "-inf", "1 minute", "6m0s later", "s", "ms", "m5", "1,5", "0x10", "½", "1_0", "1_000ms"),
    "Mon, 99 Foo 2026 12:00:00 GMT",
    "9" * 400 + "d",
]


@pytest.mark.parametrize(("told", "seconds"), FORMS)
def test_retry_after_is_understood_in_each_form(told: str, seconds: float) -> None:
    assert retry_after_s((("retry-after", told),), NOW_S) == pytest.approx(seconds)


@pytest.mark.parametrize("told", GARBAGE)
def test_garbage_is_no_wait_at_all(told: str) -> None:
    assert retry_after_s((("retry-after", told),), NOW_S) is None
    assert retry_after_s((("retry-after-ms", told),), NOW_S) is None
    assert retry_after_s((("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", told)), NOW_S) is None


@pytest.mark.parametrize(("told", "seconds"), [("1250", 1.25), ("0", 0.0), ("12.5", 0.0125)])
def test_milliseconds_are_understood(told: str, seconds: float) -> None:
    assert retry_after_s((("retry-after-ms", told),), NOW_S) == pytest.approx(seconds)


def test_milliseconds_win_over_seconds_because_they_are_finer() -> None:
    assert retry_after_s((("retry-after", "2"), ("retry-after-ms", "1400")), NOW_S) == pytest.approx(1.4)


def test_seconds_hold_where_the_milliseconds_are_none() -> None:
    assert retry_after_s((("retry-after-ms", "0"), ("retry-after", "1")), NOW_S) == 1.0


def test_seconds_hold_where_the_milliseconds_are_garbage() -> None:
    assert retry_after_s((("retry-after-ms", "soon"), ("retry-after", "2")), NOW_S) == 2.0


LIMITS: list[tuple[Headers, float | None]] = [
    ((("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")), 360.0),
    ((("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "250ms")), 0.25),
    ((("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "12")), 12.0),
    ((("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "1784548830")), 30.0),
    ((("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1784548830000")), 30.0),
    ((("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "1784548830000")), None),
    ((("x-ratelimit-remaining-requests", "3"), ("x-ratelimit-reset-requests", "6m0s")), None),
    ((("x-ratelimit-reset-requests", "6m0s"),), None),
    ((("x-ratelimit-remaining-requests", "0"),), None),
    (
        (
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "2m"),
        ),
        120.0,
    ),
    ((("retry-after", "1"), ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")), 1.0),
]


@pytest.mark.parametrize(("headers", "seconds"), LIMITS)
def test_a_limit_counts_only_where_it_is_spent_and_the_longest_holds(headers: Headers, seconds: float | None) -> None:
    assert retry_after_s(headers, NOW_S) == seconds


def test_no_field_is_no_wait() -> None:
    assert retry_after_s((), NOW_S) is None
    assert retry_after_s((("date", "Mon, 20 Jul 2026 12:00:30 GMT"),), NOW_S) is None


@pytest.fixture
def far_from_greenwich() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Auckland"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize("told", [told for told, _ in FORMS if "2026" in told])
def test_where_the_machine_stands_does_not_change_a_date(told: str) -> None:
    assert retry_after_s((("retry-after", told),), NOW_S) == pytest.approx(dict(FORMS)[told])


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9:,+\-. ]{0,30}", fullmatch=True))
@example("0001-01-01T00:00:00Z")
@example("Mon, 1 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 20 Jul 2026 12:00:30 +99999999999999999999")
@example("9" * 400 + "d")
@example("1e308d")
def test_whatever_is_told_the_wait_is_a_number_from_zero_up_or_unknown(told: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after_s(((name, told),), NOW_S)
        assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: 1980 < moment.year < 2100))
def test_any_http_date_is_the_time_until_it(moment: object) -> None:
    from datetime import UTC, datetime

    assert isinstance(moment, datetime)
    whole = moment.replace(microsecond=0).astimezone(UTC)
    told = format_datetime(whole, usegmt=True)
    assert retry_after_s((("retry-after", told),), NOW_S) == max(0.0, whole.timestamp() - NOW_S)
