"""What is counted of requests, and its form for Prometheus.

Counting is a few additions in plain tables, because it happens at each request; the text is made by prometheus_client when somebody asks
for it. Several workers' tables are merged then (``Tables.merge``). Names that callers make up are bounded: beyond ``MAX_SERIES`` they are
told as ``other``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.core.exchange import Call
from dragoman.gateway.telemetry.records import Record

if TYPE_CHECKING:
    from prometheus_client import Metric

MAX_SERIES: Final = 2_000
_OTHER: Final = "other"
_NONE: Final = ""

Labels = tuple[str, ...]

COUNTERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "dragoman_requests": (
        "Requests answered, by face, what was asked, target and status.",
        ("face", "does", "provider", "model", "status"),
    ),
    "dragoman_tokens": ("Tokens, as providers count them.", ("provider", "model", "kind")),
    "dragoman_cost_usd": ("US dollars spent, where prices are known.", ("provider", "model")),
    "dragoman_attempts": ("Calls made to providers, tries again among them.", ("provider",)),
    "dragoman_upstream_errors": ("Requests that a provider or the way to it failed, by class of error.", ("provider", "error")),
    "dragoman_passed_through": ("Requests whose bytes went on as they came.", ("provider",)),
}
HISTOGRAMS: Final[dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]]] = {
    "dragoman_first_token_seconds": (
        "From a prompt's arrival until its answer began.",
        ("provider", "model"),
        (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
    ),
    "dragoman_request_seconds": (
        "From a request's arrival until its answer's end.",
        ("face", "provider"),
        (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    ),
    "dragoman_added_seconds": (
        "What the gateway itself took until the answer's head left.",
        ("face",),
        (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
    ),
}
_KINDS: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "reasoning_tokens": "reasoning",
}
_GAUGES: Final = {"dragoman_open_requests": "Requests under way.", "dragoman_open_streams": "Streamed answers under way."}


class Histogram(msgspec.Struct):
    """``counts`` holds how many fell into each bucket alone, the last being for all beyond; not summed up."""

    counts: list[int]
    total: float = 0.0

    def observe(self, value: float, buckets: tuple[float, ...]) -> None:
        self.counts[bisect_left(buckets, value)] += 1
        self.total += value


class Tables(msgspec.Struct):
    """All counts of one process."""

    counters: dict[str, dict[Labels, float]]
    histograms: dict[str, dict[Labels, Histogram]]
    gauges: dict[str, int]

    @classmethod
    def empty(cls) -> Tables:
        return cls({name: {} for name in COUNTERS}, {name: {} for name in HISTOGRAMS}, dict.fromkeys(_GAUGES, 0))

    def merge(self, other: Tables) -> None:
        """Add another process's counts."""
        for name, series in other.counters.items():
            mine = self.counters[name]
            for labels, value in series.items():
                mine[labels] = mine.get(labels, 0.0) + value
        for name, table in other.histograms.items():
            for labels, theirs in table.items():
                known = self.histograms[name].setdefault(labels, Histogram([0] * len(theirs.counts)))
                known.counts = [one + another for one, another in zip(known.counts, theirs.counts, strict=True)]
                known.total += theirs.total
        for name, value in other.gauges.items():
            self.gauges[name] += value


class Metrics:
    """Counts, as an ``Observer``."""

    def __init__(self) -> None:
        self.tables = Tables.empty()

    def began(self, record: Record, call: Call) -> None:
        self.tables.gauges["dragoman_open_requests"] += 1

    def answering(self, record: Record) -> None:
        if record.streamed:
            self.tables.gauges["dragoman_open_streams"] += 1

    def ended(self, record: Record) -> None:
        gauges = self.tables.gauges
        gauges["dragoman_open_requests"] -= 1
        if record.streamed and record.status == 200:
            gauges["dragoman_open_streams"] -= 1
        provider, model = record.provider or _NONE, record.target_model or _NONE
        self._count("dragoman_requests", (record.face, record.does, provider, model, str(record.status)))
        self._time("dragoman_request_seconds", (record.face, provider), (record.ended_s or record.begun_s) - record.begun_s)
        if record.overhead_s is not None:
            self._time("dragoman_added_seconds", (record.face,), record.overhead_s)
        if not provider:
            return
        self._count("dragoman_attempts", (provider,), record.attempts)
        if record.passed_through:
            self._count("dragoman_passed_through", (provider,))
        if record.first_token_s is not None:
            self._time("dragoman_first_token_seconds", (provider, model), record.first_token_s - record.begun_s)
        if record.error is not None:
            self._count("dragoman_upstream_errors", (provider, type(record.error).__name__))
        self._count_usage(record, provider, model)

    def _count_usage(self, record: Record, provider: str, model: str) -> None:
        usage = record.usage
        if usage is not None:
            for field, kind in _KINDS.items():
                count = getattr(usage, field)
                if count:
                    self._count("dragoman_tokens", (provider, model, kind), count)
        if record.cost is not None:
            self._count("dragoman_cost_usd", (provider, model), float(record.cost))

    def _count(self, name: str, labels: Labels, value: float = 1.0) -> None:
        series = self.tables.counters[name]
        known = series.get(labels)
        if known is None:
            labels = _bounded(labels, COUNTERS[name][1], len(series))
            known = series.get(labels, 0.0)
        series[labels] = known + value

    def _time(self, name: str, labels: Labels, value: float) -> None:
        series = self.tables.histograms[name]
        known = series.get(labels)
        buckets = HISTOGRAMS[name][2]
        if known is None:
            labels = _bounded(labels, HISTOGRAMS[name][1], len(series))
            known = series.setdefault(labels, Histogram([0] * (len(buckets) + 1)))
        known.observe(value, buckets)


def _bounded(labels: Labels, names: tuple[str, ...], series: int) -> Labels:
    """``labels``, or where there are too many already, with the model that a caller named left out."""
    if series < MAX_SERIES:
        return labels
    return tuple(_OTHER if name == "model" else label for name, label in zip(names, labels, strict=True))


def exposition(tables: Tables) -> tuple[str, bytes]:
    """Content type and text of ``tables`` for Prometheus. Raises ``ImportError`` without the extra ``server``."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(tables))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


class _Collector:
    """Tables as prometheus_client collects them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for name, (words, label_names) in COUNTERS.items():
            counter = CounterMetricFamily(name, words, labels=label_names)
            for labels, value in self._tables.counters[name].items():
                counter.add_metric(labels, value)
            yield counter
        for name, (words, label_names, buckets) in HISTOGRAMS.items():
            family = HistogramMetricFamily(name, words, labels=label_names)
            for labels, histogram in self._tables.histograms[name].items():
                family.add_metric(labels, _summed(histogram, buckets), histogram.total)
            yield family
        for name, words in _GAUGES.items():
            yield GaugeMetricFamily(name, words, value=self._tables.gauges[name])


def _summed(histogram: Histogram, buckets: tuple[float, ...]) -> list[tuple[str, float]]:
    """Prometheus's buckets: each counts all below its bound."""
    below, told = 0, []
    for bound, count in zip((*map(str, buckets), "+Inf"), histogram.counts, strict=True):
        below += count
        told.append((bound, float(below)))
    return told
