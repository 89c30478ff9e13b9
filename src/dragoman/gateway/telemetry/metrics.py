"""What is counted of requests, and its form for Prometheus.

Counting is one look-up and a few additions, because it happens at each request; tables of series are made of the tallies when somebody
asks for them, and the text by prometheus_client. Several workers' tables are merged then (``Tables.merge``). Names that callers make up
are bounded: beyond ``MAX_SERIES`` they are told as ``other``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.core.exchange import Call
from dragoman.core.usage import Usage
from dragoman.gateway.telemetry.records import Record

if TYPE_CHECKING:
    from prometheus_client import Metric

MAX_SERIES: Final = 2_000
_OTHER: Final = "other"
_NONE: Final = ""

Labels = tuple[str, ...]
Kind = tuple[str, str, str, str, int]
"""Face, what was asked, provider, model and status of a request."""

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
_WHOLE_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_ADDED_S: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
_FIRST_TOKEN_S: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0)
HISTOGRAMS: Final[dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]]] = {
    "dragoman_request_seconds": ("From a request's arrival until its answer's end.", ("face", "provider"), _WHOLE_S),
    "dragoman_added_seconds": ("What the gateway itself took until the answer's head left.", ("face",), _ADDED_S),
    "dragoman_first_token_seconds": ("From a prompt's arrival until its answer began.", ("provider", "model"), _FIRST_TOKEN_S),
}
_TOKENS: Final = {
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

    @classmethod
    def of(cls, buckets: tuple[float, ...]) -> Histogram:
        return cls([0] * (len(buckets) + 1))

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
            for labels, value in series.items():
                self.add(name, labels, value)
        for name, table in other.histograms.items():
            for labels, theirs in table.items():
                self.add_times(name, labels, theirs)
        for name, value in other.gauges.items():
            self.gauges[name] += value

    def add(self, name: str, labels: Labels, value: float) -> None:
        series = self.counters[name]
        series[labels] = series.get(labels, 0.0) + value

    def add_times(self, name: str, labels: Labels, histogram: Histogram) -> None:
        known = self.histograms[name].setdefault(labels, Histogram([0] * len(histogram.counts)))
        known.counts = [one + another for one, another in zip(known.counts, histogram.counts, strict=True)]
        known.total += histogram.total


class Tally:
    """What is counted of requests of one kind: those of one face, target and status."""

    __slots__ = (
        "added",
        "attempts",
        "cache_read_tokens",
        "cache_write_tokens",
        "cost",
        "errors",
        "first_token",
        "input_tokens",
        "output_tokens",
        "passed_through",
        "reasoning_tokens",
        "requests",
        "whole",
    )

    def __init__(self) -> None:
        self.requests = self.attempts = self.passed_through = 0
        self.input_tokens = self.output_tokens = self.cache_read_tokens = self.cache_write_tokens = self.reasoning_tokens = 0
        self.cost = 0.0
        self.errors: dict[str, int] = {}
        self.whole, self.added, self.first_token = Histogram.of(_WHOLE_S), Histogram.of(_ADDED_S), Histogram.of(_FIRST_TOKEN_S)

    def count(self, record: Record) -> None:
        begun_s = record.begun_s
        self.requests += 1
        self.whole.observe((record.ended_s or begun_s) - begun_s, _WHOLE_S)
        if record.overhead_s is not None:
            self.added.observe(record.overhead_s, _ADDED_S)
        if record.provider is None:
            return
        self.attempts += record.attempts
        self.passed_through += record.passed_through
        if record.first_token_s is not None:
            self.first_token.observe(record.first_token_s - begun_s, _FIRST_TOKEN_S)
        if record.error is not None:
            name = type(record.error).__name__
            self.errors[name] = self.errors.get(name, 0) + 1
        if record.usage is not None:
            self._count_tokens(record.usage)
        if record.cost is not None:
            self.cost += float(record.cost)

    def _count_tokens(self, usage: Usage) -> None:
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        self.cache_read_tokens += usage.cache_read_tokens or 0
        self.cache_write_tokens += usage.cache_write_tokens or 0
        self.reasoning_tokens += usage.reasoning_tokens or 0

    def counts(self, kind: Kind) -> Iterator[tuple[str, Labels, float]]:
        """Counter, labels and value of everything that is counted; what was never seen is left out."""
        face, does, provider, model, status = kind
        yield "dragoman_requests", (face, does, provider, model, str(status)), self.requests
        if not provider:
            return
        yield "dragoman_attempts", (provider,), self.attempts
        for name, count in self.errors.items():
            yield "dragoman_upstream_errors", (provider, name), count
        if self.passed_through:
            yield "dragoman_passed_through", (provider,), self.passed_through
        for field, token in _TOKENS.items():
            if count := getattr(self, field):
                yield "dragoman_tokens", (provider, model, token), count
        if self.cost:
            yield "dragoman_cost_usd", (provider, model), self.cost

    def times(self, kind: Kind) -> Iterator[tuple[str, Labels, Histogram]]:
        face, _, provider, model, _ = kind
        yield "dragoman_request_seconds", (face, provider), self.whole
        yield "dragoman_added_seconds", (face,), self.added
        yield "dragoman_first_token_seconds", (provider, model), self.first_token


class Metrics:
    """Counts, as an ``Observer``."""

    def __init__(self) -> None:
        self._tallies: dict[Kind, Tally] = {}
        self._open_requests = 0
        self._open_streams = 0

    def began(self, record: Record, call: Call) -> None:
        self._open_requests += 1

    def answering(self, record: Record) -> None:
        if record.streamed:
            self._open_streams += 1

    def ended(self, record: Record) -> None:
        self._open_requests -= 1
        if record.streamed and record.status == 200:
            self._open_streams -= 1
        kind = (record.face, record.does, record.provider or _NONE, record.target_model or _NONE, record.status)
        tally = self._tallies.get(kind)
        if tally is None:
            tally = self._tally(kind)
        tally.count(record)

    def _tally(self, kind: Kind) -> Tally:
        """A new one; where there are too many already, that of all models that callers named since."""
        if len(self._tallies) >= MAX_SERIES:
            face, does, provider, _, status = kind
            kind = (face, does, provider, _OTHER, status)
        return self._tallies.setdefault(kind, Tally())

    @property
    def tables(self) -> Tables:
        """All counts until now."""
        tables = Tables.empty()
        tables.gauges = {"dragoman_open_requests": self._open_requests, "dragoman_open_streams": self._open_streams}
        for kind, tally in self._tallies.items():
            for name, labels, value in tally.counts(kind):
                tables.add(name, labels, value)
            for name, labels, histogram in tally.times(kind):
                if any(histogram.counts):
                    tables.add_times(name, labels, histogram)
        return tables


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
