"""The notation of faults and its errors."""

import pytest

from dragoman.core.errors import UsageError
from dragoman.emulator import Fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status=429", Fault(status=429)),
        ("status=429,retry-after=2", Fault(status=429, retry_after_s=2.0)),
        (" status=503 , retry-after=0.5 , code=overloaded ", Fault(status=503, retry_after_s=0.5, code="overloaded")),
        ("slow-start=1.5", Fault(slow_start_s=1.5)),
        ("stall-after=3", Fault(stall_after=3)),
        ("stall-after=0,stall=0.1", Fault(stall_after=0, stall_s=0.1)),
        ("cut-after=100", Fault(cut_after=100)),
        ("malformed-after=2", Fault(malformed_after=2)),
        ("split=1", Fault(split=1)),
        ("content-type=text/html; charset=utf-8", Fault(content_type="text/html; charset=utf-8")),
        ("error-after=1,code=server_error", Fault(error_after=1, code="server_error")),
        ("no-end", Fault(no_end=True)),
        ("html", Fault(html=True)),
        ("html,status=502", Fault(html=True, status=502)),
        ("empty", Fault(empty=True)),
        ("passing-fault", Fault(passing=True, times=1)),
        ("passing-fault=3", Fault(passing=True, times=3)),
        ("status=500,times=2", Fault(status=500, times=2)),
        ("split=3,cut-after=9", Fault(split=3, cut_after=9)),
    ],
)
def test_a_description_becomes_a_fault(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "status=NNN, retry-after=SECONDS"),
        ("statsu=429", "'statsu' is not known; did you mean 'status'"),
        ("status", "status= was given; status=NNN is allowed"),
        ("status=abc", "status=abc was given; status=NNN is allowed"),
        ("status=200", "status=200 was given; a status from 400 to 599"),
        ("status=600", "status=600"),
        ("retry-after=1", "retry-after was given alone; it is allowed with status"),
        ("code=x", "code was given alone; it is allowed with status or error-after"),
        ("stall=1", "stall was given alone; it is allowed with stall-after"),
        ("split=0", "split=0 was given; a whole number from 1 on"),
        ("cut-after=-1", "cut-after=-1 was given; a whole number from 0 on"),
        ("cut-after=1.5", "cut-after=1.5 was given; cut-after=BYTES is allowed"),
        ("slow-start=-1", "slow-start=-1.0 was given; a number of seconds from 0 on"),
        ("slow-start=inf", "slow-start=inf"),
        ("slow-start=nan", "slow-start=nan"),
        ("no-end=1", "no-end=1 was given; no-end is allowed"),
        ("status=500,empty", "status and empty were given; only one"),
        ("html,passing-fault", "html and passing-fault were given"),
        ("content-type=a\r\nb: c", "printable ASCII"),
    ],
)
def test_a_wrong_description_says_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Fault.parse(text)

    assert words in str(caught.value)


def test_a_table_says_the_same_as_a_text() -> None:
    assert Fault.of({"status": 429, "retry-after": 2, "times": 1}) == Fault.parse("status=429,retry-after=2,times=1")
    assert Fault.of({"no-end": True, "html": False}) == Fault(no_end=True)
    assert Fault.of("html") == Fault.of(Fault(html=True))


def test_what_is_no_fault_is_refused() -> None:
    with pytest.raises(UsageError, match="fault: 429 was given"):
        Fault.of(429)  # type: ignore[arg-type]


def test_a_fault_made_by_hand_is_checked_too() -> None:
    with pytest.raises(UsageError, match="cut-after=x"):
        Fault(cut_after="x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="times=True"):
        Fault(times=True)
