"""What was measured as tables, each figure with the bar that it is to reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from bench.gateway.contenders import DIRECT, LITELLM_ROW, NGINX, PASS, Contender
from bench.gateway.load import Load
from bench.gateway.scenes import Streaming, Trial, Trials, Weight

F = TypeVar("F")
T = TypeVar("T")
Shared = TypeVar("Shared", Load, Streaming)
ABSENT: Final = "–"
FOREIGN_BORNE: Final = 0.1
"""Share of a core that others may have of it before requests/s say too little."""
KB: Final = 1000
MB: Final = 1000 * KB


class Bar(NamedTuple):
    """A figure to reach: at least, or at most, so much."""

    sign: str
    limit: float
    unit: str = ""

    def verdict(self, value: float) -> str:
        reached = value >= self.limit if self.sign == "≥" else value <= self.limit
        return f"{self}: {'reached' if reached else '**falls short**'}"

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}{self.unit}"


Bars = Mapping[str, tuple[Bar, ...]]
"""By the kind of contender."""
LOAD_BARS: Final[Bars] = {"pass-through": (Bar("≥", 0.2, " ×"), Bar("≥", 0.5, " ×")), "translated": (Bar("≥", 0.2, " ×"),)}
DELAY_BARS: Final[Bars] = {"pass-through": (Bar("≤", 2, " ×"),), "translated": (Bar("≤", 2, " ×"),)}
EVENT_BARS: Final[Bars] = {"pass-through": (Bar("≤", 1.5, " ×"),), "translated": (Bar("≤", 3, " ×"),)}
FIRST_BARS: Final[Bars] = {"pass-through": (Bar("≤", 3, " ×"),), "translated": (Bar("≤", 3, " ×"),)}
INCUMBENT_BAR: Final = Bar("≥", 200, " × its requests/s")
READY_BAR: Final = Bar("≤", 0.5, " s")
IDLE_BAR: Final = Bar("≤", 60, " MB")
STREAM_BAR: Final = Bar("≤", 20, " KB")
LOST_BAR: Final = Bar("≤", 0, " lost")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


# --- ratios


class Ratio(NamedTuple):
    """The median of the ratios to the yardstick that ran right before, with the least and the greatest of them."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{shown(self.middle)} × ({shown(self.least)}–{shown(self.most)})"


def shown(value: float) -> str:
    """With as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def ratio_of(values: Sequence[float]) -> Ratio:
    return Ratio(statistics.median(values), min(values), max(values))


def judged(bars: Bars, contender: Contender, ratio: Ratio) -> str:
    return ", ".join(bar.verdict(ratio.middle) for bar in bars.get(contender.kind, ()))


def to_nginx(trials: Sequence[Trial[F]], figure: Callable[[F], float]) -> Ratio:
    return ratio_of([figure(trial.own) / figure(trial.beside[NGINX.name]) for trial in trials])


# --- the tables


def filled(
    head: Sequence[str], contenders: Sequence[Contender], seen: Mapping[str, T], row: Callable[[Contender, T], Sequence[str]]
) -> str:
    """A row for each contender, also for one that could not be measured."""
    rows = []
    for one in contenders:
        figures = seen.get(one.name)
        cells = row(one, figures) if figures else ["not measured", *[ABSENT] * (len(head) - 2)]
        rows.append([one.name, *cells])
    return table(head, rows)


def beside(contender: Contender, ratio: Ratio) -> str:
    return "1" if contender.name == NGINX.name else str(ratio)


def load_table(contenders: Sequence[Contender], trials: Trials[Load]) -> str:
    def row(one: Contender, runs: Sequence[Trial[Load]]) -> Sequence[str]:
        ratio, share = to_nginx(calm(runs) or runs, lambda figures: figures.per_s), cpu_share(runs)
        best = shown(max(trial.own.per_s for trial in runs))
        cpu = f"{shown(min(trial.own.cpu_us for trial in runs))} ({shown(share.middle)})" if one.name != DIRECT.name else ABSENT
        foreign = f"{statistics.median(trial.own.foreign for trial in runs):.0%}"
        verdict = judged(LOAD_BARS, one, ratio) if calm(runs) else by_cpu(judged(LOAD_BARS, one, share))
        return best, beside(one, ratio), cpu, foreign, incumbent(trials) if one.name == LITELLM_ROW.name else verdict

    cpu = "CPU µs per request (nginx's ÷ its own)"
    head = ("64 connections", "requests/s, best", "× nginx (spread)", cpu, "others on its core", "to reach")
    return filled(head, contenders, trials, row)


def calm(runs: Sequence[Trial[Shared]]) -> list[Trial[Shared]]:
    """Those in which neither the program nor nginx had to share its core: in the others both wait, and look more alike than they are."""
    return [trial for trial in runs if max(trial.own.foreign, trial.beside[NGINX.name].foreign) <= FOREIGN_BORNE]


def cpu_share(runs: Sequence[Trial[Load]]) -> Ratio:
    """nginx's CPU time for a request to the program's: what the ratio of requests/s is where each has a core to itself."""
    return ratio_of([trial.beside[NGINX.name].cpu_us / trial.own.cpu_us for trial in runs])


def by_cpu(verdict: str) -> str:
    return verdict and f"{verdict} (by CPU time, as others had the core too)"


def incumbent(trials: Trials[Load]) -> str:
    """How this gateway stands to LiteLLM, in the same run."""
    ours, theirs = (max((trial.own.per_s for trial in trials.get(name, ())), default=None) for name in (PASS.name, LITELLM_ROW.name))
    if ours is None or theirs is None:
        return ""
    return f"dragoman has {shown(ours / theirs)} × its requests/s; {INCUMBENT_BAR.verdict(ours / theirs)}"


def delay_table(contenders: Sequence[Contender], trials: Trials[Load]) -> str:
    def row(one: Contender, runs: Sequence[Trial[Load]]) -> Sequence[str]:
        p50, p99 = shown(min(trial.own.p50_us for trial in runs)), shown(min(trial.own.p99_us for trial in runs))
        if one.name == DIRECT.name:
            return p50, p99, ABSENT, ABSENT, ""
        added = shown(statistics.median(added_us(trial, trial.own) for trial in runs))
        ratio = ratio_of([added_us(trial, trial.own) / added_us(trial, trial.beside[NGINX.name]) for trial in runs])
        return p50, p99, added, beside(one, ratio), judged(DELAY_BARS, one, ratio)

    head = ("one connection", "p50 µs, best", "p99 µs, best", "p50 over direct, µs", "× what nginx adds (spread)", "to reach")
    return filled(head, contenders, trials, row)


def added_us(trial: Trial[Load], figures: Load) -> float:
    """What stands between the caller and the provider adds; at least a tenth of a microsecond, so that there is a ratio to it."""
    return max(0.1, figures.p50_us - trial.beside[DIRECT.name].p50_us)


def event_table(contenders: Sequence[Contender], trials: Trials[Streaming], streams: int, per_s: float) -> str:
    def row(one: Contender, runs: Sequence[Trial[Streaming]]) -> Sequence[str]:
        prompt = [trial for trial in runs if trial.own.delay_ms <= 1000 / per_s]
        ratio = to_nginx(prompt or runs, lambda figures: figures.cpu_us)
        cpu = shown(statistics.median(trial.own.cpu_us for trial in prompt or runs))  # the least would be that of the greatest backlog
        delay = shown(statistics.median(trial.own.delay_ms for trial in prompt or runs))
        kept_up = f"{statistics.median(trial.own.kept_up for trial in runs):.0%}"
        verdict = judged(EVENT_BARS, one, ratio) if prompt else unjudged(EVENT_BARS, one, "events came several at a time")
        return cpu, beside(one, ratio), delay, kept_up, verdict

    what = f"{streams} streams, {per_s:g} events/s each"
    head = (what, "CPU µs per event, median", "× nginx (spread)", "delay p99, ms", "events that came", "to reach")
    return filled(head, contenders, trials, row)


def unjudged(bars: Bars, contender: Contender, why: str) -> str:
    return ", ".join(f"{bar}: not judged, {why}" for bar in bars.get(contender.kind, ()))


def first_table(contenders: Sequence[Contender], trials: Trials[Streaming], streams: int) -> str:
    def row(one: Contender, runs: Sequence[Trial[Streaming]]) -> Sequence[str]:
        ratio = to_nginx(calm(runs) or runs, lambda figures: figures.first_p99_ms)
        p50, p99 = min(trial.own.first_p50_ms for trial in runs), min(trial.own.first_p99_ms for trial in runs)
        foreign = f"{statistics.median(trial.own.foreign for trial in runs):.0%}"
        verdict = judged(FIRST_BARS, one, ratio) if calm(runs) else unjudged(FIRST_BARS, one, "others had the core too")
        return shown(p50), shown(p99), beside(one, ratio), foreign, verdict

    what = f"first event, {streams} streams opened at once"
    head = (what, "p50 ms, best", "p99 ms, best", "p99 × nginx (spread)", "others on its core", "to reach")
    return filled(head, contenders, trials, row)


def weight_table(contenders: Sequence[Contender], weights: Mapping[str, Weight], streams: int) -> str:
    def row(one: Contender, weight: Weight) -> Sequence[str]:
        idle, each = weight.idle_bytes / MB, weight.stream_bytes / KB
        checks = ((READY_BAR, weight.ready_s), (IDLE_BAR, idle), (STREAM_BAR, each), (LOST_BAR, weight.lost))
        verdict = ", ".join(bar.verdict(value) for bar, value in checks) if one.kind in LOAD_BARS else ""
        return shown(weight.ready_s), shown(idle), shown(each), str(weight.lost), verdict

    head = ("weight", "ready, s", "idle, MB", f"KB for each of {streams:,} open streams", "streams lost", "to reach")
    return filled(head, contenders, weights, row)
