"""Traces by OpenTelemetry: for each request a span of the gateway, and within it one of the model's work, by the GenAI conventions.

Off unless the configuration names where spans go; the packages (extra ``otel``) are loaded only then. What was said is in a span only where
the configuration asks for it. A caller's ``traceparent`` makes its span the parent of ours.

Conventions: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/, read 2026-11-21.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dragoman import __version__
from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call
from dragoman.core.fold import fold
from dragoman.core.messages import Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.opaque import JsonObject
from dragoman.gateway.config.tables import NO_OTEL, OtelTable
from dragoman.gateway.telemetry.records import Record
from dragoman.wire.payload import dump

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.util.types import AttributeValue

_OPERATIONS: Final = {"prompts": "chat", "embed": "embeddings", "generate_image": "generate_content", "rank": "rerank"}
_VENDORS: Final = {
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "watsonx": "ibm.watsonx.ai",
}
"""Providers whose name in the conventions is not ours."""
_USAGE: Final = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
}
_NS: Final = 1_000_000_000


class Tracing:
    """An ``Observer`` that makes spans. Raises ``UsageError`` where the packages are not installed."""

    def __init__(self, table: OtelTable, exporter: SpanExporter | None = None) -> None:
        try:
            self._provider = _provider(table, exporter)
        except ImportError:
            raise UsageError(f"otel: {NO_OTEL}") from None
        self._tracer = self._provider.get_tracer("dragoman", __version__)
        self._with_content = table.content

    def began(self, record: Record, call: Call) -> None:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(dict(call.headers))
        span = self._tracer.start_span(f"{record.method} {record.path}", parent, SpanKind.SERVER, start_time=_epoch_ns(record.begun_s))
        span.set_attributes({"http.request.method": record.method, "url.path": record.path, "dragoman.request_id": record.id})
        record.trace = span
        record.keeps_content = self._with_content

    def answering(self, record: Record) -> None:
        """Spans are told at the end."""

    def ended(self, record: Record) -> None:
        from opentelemetry.sdk.trace import Span
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        span = record.trace
        if not isinstance(span, Span):
            return
        end_ns = _epoch_ns(record.ended_s or record.begun_s)
        if record.provider is not None:
            name = f"{_OPERATIONS.get(record.does, record.does)} {record.target_model}"
            inner = self._tracer.start_span(name, set_span_in_context(span), SpanKind.CLIENT, start_time=_epoch_ns(record.begun_s))
            inner.set_attributes(_model_attributes(record))
            if record.error is not None:
                inner.set_status(Status(StatusCode.ERROR, type(record.error).__name__))
            inner.end(end_ns)
        span.set_attributes(_request_attributes(record))
        if record.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_ns)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _provider(table: OtelTable, exporter: SpanExporter | None) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(f"{(table.endpoint or '').rstrip('/')}/v1/traces", headers=dict(table.headers))
    provider = TracerProvider(resource=Resource.create({"service.name": table.service_name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _epoch_ns(monotonic_s: float) -> int:
    """A moment of the clock that never jumps, as the time of day that it was."""
    return time.time_ns() - int((time.monotonic() - monotonic_s) * _NS)


def _request_attributes(record: Record) -> dict[str, AttributeValue]:
    told: dict[str, AttributeValue | None] = {
        "http.response.status_code": record.status,
        "dragoman.face": record.face or None,
        "dragoman.key": record.key_name,
        "dragoman.target": record.target,
        "dragoman.attempts": record.attempts or None,
        "dragoman.passed_through": record.passed_through,
        "dragoman.cost_usd": None if record.cost is None else float(record.cost),
        "error.type": None if record.error is None else type(record.error).__name__,
    }
    return {name: value for name, value in told.items() if value is not None}


def _model_attributes(record: Record) -> dict[str, AttributeValue]:
    first_s = record.first_token_s
    told: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": _OPERATIONS.get(record.does, record.does),
        "gen_ai.provider.name": _VENDORS.get(record.provider or "", record.provider),
        "gen_ai.request.model": record.target_model,
        "gen_ai.request.stream": record.streamed,
        "gen_ai.response.id": record.answer_id,
        "gen_ai.response.model": record.answer_model,
        "gen_ai.response.finish_reasons": record.finish_reasons or None,
        "gen_ai.response.time_to_first_chunk": None if first_s is None else first_s - record.begun_s,
        "error.type": None if record.error is None else type(record.error).__name__,
        **_content(record),
    }
    usage = record.usage
    counts = {} if usage is None else {name: getattr(usage, field) for name, field in _USAGE.items()}
    return {name: value for name, value in (told | counts).items() if value is not None}


# --- what was said, where that is asked for ---------------------------------------------------------------------------------------------


def _content(record: Record) -> dict[str, AttributeValue | None]:
    if not record.keeps_content or record.asked_messages is None:
        return {}
    system = [message for message in record.asked_messages if message.role == "system"]
    others = [message for message in record.asked_messages if message.role != "system"]
    said = [choice.message for choice in fold(record.events).choices] if record.events else []
    return {
        "gen_ai.system_instructions": _written([part for message in system for part in _parts(message)]) if system else None,
        "gen_ai.input.messages": _written([{"role": message.role, "parts": _parts(message)} for message in others]),
        "gen_ai.output.messages": _written([{"role": message.role, "parts": _parts(message)} for message in said]) if said else None,
    }


def _written(value: Sequence[JsonObject]) -> str:
    return dump(value).decode()


def _parts(message: Message) -> list[JsonObject]:
    """A message's parts in the conventions' form; pictures and sounds by their kind alone."""
    parts: list[JsonObject] = []
    for part in message.parts:
        match part:
            case Text(text=text):
                parts.append({"type": "text", "content": text})
            case Reasoning(text=text):
                parts.append({"type": "reasoning", "content": text})
            case ToolCall(id=id, name=name, arguments=arguments):
                parts.append({"type": "tool_call", "id": id, "name": name, "arguments": arguments})
            case ToolResult(id=id, parts=results):
                told = "".join(result.text for result in results if isinstance(result, Text))
                parts.append({"type": "tool_call_response", "id": id, "response": told})
            case _:
                parts.append({"type": type(part).__name__.lower()})
    return parts
