"""The list of what was asked."""

from __future__ import annotations

import threading

import pytest

from dragoman.emulator.log import Log, Record


def record(number: int) -> Record:
    return Record(number=number, method="POST", path=f"/{number}", headers=(("x-one", "1"),), body=b"", started_s=0.0)


def test_a_record_is_under_way_until_it_ends_once() -> None:
    log = Log()
    ended: list[Record] = []
    log.listen(ended.append)
    log.begin(record(1))
    log.change(1, status=200)
    assert str(log[0]) == "POST /1 200 under way"

    log.end(1, "finished", 2.0, 10)
    log.end(1, "abandoned", 3.0)

    assert (log[0].outcome, log[0].ended_s, log[0].sent_bytes) == ("finished", 2.0, 10)
    assert ended == [log[0]]
    assert log[0].header("X-One") == "1"


def test_one_may_wait_for_what_another_thread_does() -> None:
    log = Log()
    log.begin(record(1))

    def elsewhere() -> None:
        log.begin(record(2))
        log.end(2, "cut", 1.0)

    thread = threading.Thread(target=elsewhere)
    thread.start()

    assert log.wait_for(lambda one: one.outcome == "cut").number == 2
    thread.join()


def test_waiting_in_vain_says_what_there_is() -> None:
    log = Log()
    with pytest.raises(TimeoutError, match=r"after 0.01 s not 1 of the requests fit: no request at all"):
        log.wait_for(lambda one: True, 0.01)
    log.begin(record(1))
    with pytest.raises(TimeoutError, match=r"not 2 of the requests fit: POST /1 - under way"):
        log.wait_for(lambda one: True, 0.01, count=2)


def test_clearing_keeps_what_is_under_way() -> None:
    log = Log()
    for number in (1, 2):
        log.begin(record(number))
    log.end(1, "finished", 1.0)

    log.clear()

    assert [one.number for one in log] == [2]
    assert len(log) == 1
    assert log[:] == [log[0]]
    log.end(1, "cut", 2.0)
