"""What the gateway tells of requests: metrics, the access log, traces, headers. Never what was said, never a key."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as conventions

from dragoman.gateway.config.tables import OtelTable
from dragoman.gateway.telemetry.access_log import AccessLog
from dragoman.gateway.telemetry.metrics import MAX_SERIES, Metrics, Tables
from dragoman.gateway.telemetry.records import Record
from dragoman.gateway.telemetry.tracing import Tracing
from tests.gateway.stage import Stage

SECRET = "a secret that nobody may read"
KEY = "key-of-ada-0123456789"


def ask(stage: Stage, **changes: Any) -> httpx.Response:
    body = {"model": "openai/gpt-4.1", "messages": [{"role": "user", "content": SECRET}], **changes}
    return httpx.post(f"{stage.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"})


@pytest.fixture
def keyed(make_stage: Any) -> Stage:
    made: Stage = make_stage(["openai", "anthropic"], {"keys": {"ada": {"key": KEY}}})
    return made


def metric(stage: Stage, name: str, **labels: str) -> float:
    text = httpx.get(f"{stage.url}/metrics", headers={"x-api-key": KEY}).text
    for line in text.splitlines():
        told = dict(re.findall(r'(\w+)="([^"]*)"', line))
        if line.startswith((f"{name}{{", f"{name} ")) and labels.items() <= told.items():
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name} {labels} in\n{text}")


def test_requests_tokens_cost_and_times_are_counted(keyed: Stage) -> None:
    ask(keyed)
    ask(keyed, stream=True)
    ask(keyed, model="openai/gpt-4.1!status=500,times=9")
    assert metric(keyed, "dragoman_requests_total", provider="openai", model="gpt-4.1", status="200") == 2
    assert metric(keyed, "dragoman_requests_total", provider="openai", status="500") == 1
    assert metric(keyed, "dragoman_tokens_total", provider="openai", kind="input") == 12
    assert metric(keyed, "dragoman_tokens_total", provider="openai", kind="output") == 12
    assert metric(keyed, "dragoman_cost_usd_total", provider="openai") == pytest.approx(12 * 2e-6 + 12 * 8e-6)
    assert metric(keyed, "dragoman_first_token_seconds_count", model="gpt-4.1") == 2
    assert metric(keyed, "dragoman_request_seconds_count", face="openai_chat") == 3
    assert metric(keyed, "dragoman_added_seconds_count", face="openai_chat") == 2
    assert metric(keyed, "dragoman_upstream_errors_total", provider="openai", error="ServerFault") == 1
    assert metric(keyed, "dragoman_attempts_total", provider="openai") == 2 + 3
    assert metric(keyed, "dragoman_open_requests") == 0
    assert metric(keyed, "dragoman_open_streams") == 0


def test_metrics_want_a_callers_key_and_health_wants_none(keyed: Stage) -> None:
    assert httpx.get(f"{keyed.url}/metrics").status_code == 401
    assert httpx.get(f"{keyed.url}/health/live").json() == {"status": "live"}
    assert httpx.get(f"{keyed.url}/health/ready").json() == {"status": "ready"}


def test_names_that_callers_make_up_do_not_grow_the_tables_without_end() -> None:
    metrics = Metrics()
    for number in range(MAX_SERIES + 50):
        record = Record(str(number), "POST", "/", 0.0)
        record.provider, record.target_model, record.status, record.ended_s = "openai", f"model-{number}", 200, 1.0
        metrics.began(record, None)  # type: ignore[arg-type]  # the call is not looked at
        metrics.ended(record)
    series = metrics.tables.counters["dragoman_requests"]
    assert len(series) == MAX_SERIES + 1
    assert series["", "", "openai", "other", "200"] == 50


def test_counts_of_several_processes_are_summed() -> None:
    together = Tables.empty()
    for _ in range(2):
        metrics = Metrics()
        record = Record("1", "POST", "/", 0.0)
        record.face, record.overhead_s, record.ended_s = "gemini", 0.0003, 1.0
        metrics.ended(record)
        together.merge(metrics.tables)
    assert sum(together.counters["dragoman_requests"].values()) == 2
    assert sum(together.histograms["dragoman_added_seconds"]["gemini",].counts) == 2


def test_the_log_has_a_line_for_each_request_without_content_or_key(keyed: Stage) -> None:
    lines: list[str] = []
    keyed.application.gateway.observers += (AccessLog("json", lines.append), AccessLog("text", lines.append))
    reply = ask(keyed)
    told = json.loads(lines[0])
    assert told["request_id"] == reply.headers["x-dragoman-request-id"]
    assert (told["key"], told["model"], told["target"], told["status"]) == ("ada", "openai/gpt-4.1", "openai/gpt-4.1", 200)
    assert (told["input_tokens"], told["output_tokens"], told["attempts"], told["passed_through"]) == (6, 6, 1, True)
    assert {"first_token_ms", "total_ms", "overhead_ms", "cost_usd"} <= told.keys()
    for line in lines:
        assert line.endswith("\n")
        assert SECRET not in line
        assert KEY not in line


def test_a_callers_path_cannot_forge_a_line_of_the_log(keyed: Stage) -> None:
    lines: list[str] = []
    keyed.application.gateway.observers += (AccessLog("text", lines.append),)
    ask(keyed, model="gpt\n12:00:00  200  forged \x1b[31m")
    assert len(lines) == 1
    assert "\n" not in lines[0][:-1]
    assert "\x1b" not in lines[0]


@pytest.fixture
def spans(keyed: Stage) -> Any:
    def start(content: bool) -> tuple[Tracing, InMemorySpanExporter]:
        exporter = InMemorySpanExporter()
        tracing = Tracing(OtelTable(endpoint="http://127.0.0.1:1", content=content), exporter)
        keyed.application.gateway.observers += (tracing,)
        return tracing, exporter

    return start


def finished(tracing: Tracing, exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    tracing.close()
    return list(exporter.get_finished_spans())


def test_a_trace_has_a_span_of_the_gateway_and_one_of_the_model_by_the_conventions(keyed: Stage, spans: Any) -> None:
    tracing, exporter = spans(content=False)
    ask(keyed, model="anthropic/claude-sonnet-4-5")
    inner, outer = finished(tracing, exporter)
    assert outer.name == "POST /v1/chat/completions"
    assert inner.name == "chat claude-sonnet-4-5"
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    told = dict(inner.attributes or {})
    assert told[conventions.GEN_AI_OPERATION_NAME] == "chat"
    assert told[conventions.GEN_AI_PROVIDER_NAME] == "anthropic"
    assert told[conventions.GEN_AI_REQUEST_MODEL] == "claude-sonnet-4-5"
    assert told[conventions.GEN_AI_USAGE_INPUT_TOKENS] == 6
    assert told[conventions.GEN_AI_USAGE_OUTPUT_TOKENS] == 6
    assert told[conventions.GEN_AI_RESPONSE_FINISH_REASONS] == ("stop",)
    known = {value for name, value in vars(conventions).items() if name.startswith("GEN_AI_")}
    assert {name for name in told if name.startswith("gen_ai.")} <= known
    assert SECRET not in repr([span.to_json() for span in (inner, outer)])


def test_what_was_said_is_in_a_trace_only_where_that_is_asked_for(keyed: Stage, spans: Any) -> None:
    tracing, exporter = spans(content=True)
    ask(keyed, stream=True, messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": SECRET}])
    inner, _ = finished(tracing, exporter)
    told = dict(inner.attributes or {})
    assert json.loads(str(told[conventions.GEN_AI_SYSTEM_INSTRUCTIONS])) == [{"type": "text", "content": "Be brief."}]
    expected = {"role": "user", "parts": [{"type": "text", "content": SECRET}]}
    assert json.loads(str(told[conventions.GEN_AI_INPUT_MESSAGES])) == [expected]
    assert json.loads(str(told[conventions.GEN_AI_OUTPUT_MESSAGES])) == [{**expected, "role": "assistant"}]


def test_a_callers_trace_goes_on_in_ours(keyed: Stage, spans: Any) -> None:
    tracing, exporter = spans(content=False)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"authorization": f"Bearer {KEY}", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    httpx.get(f"{keyed.url}/v1/models", headers=headers)
    (span,) = finished(tracing, exporter)
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == trace


def test_every_answer_says_who_gave_it_and_what_it_took(keyed: Stage) -> None:
    headers = ask(keyed).headers
    assert headers["x-dragoman-target"] == "openai/gpt-4.1"
    assert headers["x-dragoman-attempts"] == "1"
    assert float(headers["x-dragoman-cost"]) == pytest.approx(6 * 2e-6 + 6 * 8e-6)
    assert 0 < float(headers["x-dragoman-overhead-ms"]) < 1000
    failed = ask(keyed, model="nothing-like-it")
    assert failed.headers["x-dragoman-request-id"].startswith("req_")


def test_a_call_that_was_tried_again_says_how_often(keyed: Stage) -> None:
    reply = ask(keyed, model="openai/gpt-4.1!status=503,retry-after=0,times=1")
    assert reply.status_code == 200
    assert reply.headers["x-dragoman-attempts"] == "2"
