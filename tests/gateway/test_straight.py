"""A usual whole answer takes no flow; an unusual one is treated as if it had taken one from the beginning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer
from tests.gateway.direct import WHOLE
from tests.gateway.stage import KEY, Stage
from tests.gateway.test_observed import metric
from tests.gateway.upstream import JSON, Told, Upstream

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
BODY = {"model": "openai/gpt-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Name a river."}]}
SOON: dict[str, str] = {"retry-after": "0"}
FAULT = Answer(503, (*JSON, *SOON.items()), b'{"error":{"message":"try again"}}')
FAULT_IN_SUCCESS = Answer(200, JSON, b'{"error":{"message":"overloaded","code":503}}')

Make = Callable[..., Stage]


class Answers:
    """One after another, the last one for ever; ``calls`` counts them."""

    def __init__(self, *answers: Answer | Callable[[], Answer]) -> None:
        self._answers = answers
        self.calls = 0

    def __call__(self, call: Call) -> Answer:
        answer = self._answers[min(self.calls, len(self._answers) - 1)]
        self.calls += 1
        return answer if isinstance(answer, Answer) else answer()


@pytest.fixture
def before() -> Iterator[Make]:
    """A gateway before upstreams that answer in turn: ``openai``, and ``groq`` where two are given."""
    with ExitStack() as running:

        def make(*answers: Answers, **config: Any) -> Stage:
            upstreams: Sequence[Upstream] = [running.enter_context(Upstream(answer)) for answer in answers]
            tables = {name: {"base_url": f"{one.url}/v1", "key": KEY} for name, one in zip(("openai", "groq"), upstreams, strict=False)}
            return running.enter_context(Stage(["gravityengine"], {"providers": tables, **config}))

        yield make


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_usual_answer_is_asked_for_once_and_accounted(before: Make, path: str) -> None:
    answers = Answers(Answer(200, JSON, WHOLE))
    stage = before(answers)
    reply = httpx.post(stage.url + path, json=BODY)
    assert reply.status_code == 200
    assert b"Seine" in reply.content
    assert (answers.calls, reply.headers["x-dragoman-attempts"]) == (1, "1")
    assert metric(stage, "dragoman_tokens_total", kind="input") == 3
    assert metric(stage, "dragoman_attempts_total", provider="openai") == 1


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("first", [FAULT, FAULT_IN_SUCCESS, Answer(200, JSON, b"<html>")], ids=["status", "in success", "unreadable"])
def test_a_failure_is_tried_again_and_each_try_counted(before: Make, path: str, first: Answer) -> None:
    answers = Answers(first, Answer(200, JSON, WHOLE))
    stage = before(answers)
    reply = httpx.post(stage.url + path, json=BODY)
    assert (reply.status_code, answers.calls, reply.headers["x-dragoman-attempts"]) == (200, 2, "2")
    assert metric(stage, "dragoman_attempts_total", provider="openai") == 2


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_body_that_breaks_off_is_tried_again(before: Make, path: str) -> None:
    answers = Answers(lambda: Answer(200, JSON, Told([WHOLE[:40]], cut=True), len(WHOLE)), Answer(200, JSON, WHOLE))
    reply = httpx.post(before(answers).url + path, json=BODY)
    assert (reply.status_code, answers.calls) == (200, 2)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_what_the_first_target_has_not_the_next_one_has(before: Make, path: str) -> None:
    first, second = Answers(FAULT), Answers(Answer(200, JSON, WHOLE))
    stage = before(first, second, models={"one": {"targets": ["openai/gpt-x", "groq/gpt-y"]}}, max_retries=0)
    reply = httpx.post(stage.url + path, json={**BODY, "model": "one"})
    assert (reply.status_code, reply.headers["x-dragoman-target"], reply.headers["x-dragoman-attempts"]) == (200, "groq/gpt-y", "2")
    assert (first.calls, second.calls) == (1, 1)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_blanks_before_the_body_and_a_body_in_pieces_are_no_matter(before: Make, path: str) -> None:
    answers = Answers(lambda: Answer(200, JSON, Told([b" \n", b"\n", WHOLE[:40], WHOLE[40:]])))
    reply = httpx.post(before(answers).url + path, json=BODY)
    assert (reply.status_code, answers.calls) == (200, 1)
    assert b"Seine" in reply.content


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_the_bound_of_the_whole_spans_the_first_try_and_those_after_it(before: Make, path: str) -> None:
    """Where the first try used it up, no other is made, though its failure is one that passes."""
    answers = Answers(lambda: Answer(200, JSON, Told([b" "], hold=True)))
    stage = before(answers)
    begun_s = time.monotonic()
    reply = httpx.post(stage.url + path, json=BODY, headers={"x-dragoman-timeout": "0.2"}, timeout=20)
    assert (reply.status_code, answers.calls) == (504, 1)
    assert time.monotonic() - begun_s < 10  # a bound that a busy machine keeps


def test_a_long_body_passes_on_whole(before: Make) -> None:
    long = WHOLE.replace(b"Seine", b"Seine " * 300_000)
    reply = httpx.post(before(Answers(Answer(200, JSON, long))).url + CHAT, json=BODY)
    assert reply.content == long


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_what_was_left_out_is_named_once_however_often_it_was_tried(before: Make, path: str) -> None:
    stage = before(Answers(FAULT, Answer(200, JSON, WHOLE)))
    reply = httpx.post(stage.url + path, json={**BODY, "top_k": 3})
    assert reply.headers["x-dragoman-attempts"] == "2"
    assert [name for name, _ in reply.headers.multi_items()].count("x-dragoman-warning") == 1
    assert "top_k" in reply.headers["x-dragoman-warning"]


def test_what_a_target_that_failed_would_not_have_been_told_is_nothing_to_warn_of(before: Make) -> None:
    stage = before(Answers(Answer(200, JSON, WHOLE)), Answers(FAULT), models={"one": {"targets": ["groq/g", "openai/o"]}}, max_retries=0)
    reply = httpx.post(stage.url + CHAT, json={**BODY, "model": "one", "logit_bias": {"50256": -100}})
    assert reply.headers["x-dragoman-target"] == "openai/o"
    assert "x-dragoman-warning" not in reply.headers
