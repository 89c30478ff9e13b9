"""Several targets for one request: the next is tried where one failed before anything of its answer was delivered.

An error that the request itself is guilty of would be the same anywhere and is raised at once. Where all targets fail, ``RouteExhausted``
has the error of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dragoman.core.errors import BadRequest, Cancelled, ContentFiltered, DragomanError, RouteExhausted
from dragoman.core.exchange import Timeouts
from dragoman.flow.attempt import Progress
from dragoman.flow.effects import Flow, now

THE_SAME_ANYWHERE: Final = (BadRequest, ContentFiltered, Cancelled)
"""What no other target would mend."""

Leg = Callable[[Timeouts, Progress], Flow[None]]
"""One target's flow, given the time that is left; making it may raise ``UsageError``."""


def falling_back(legs: Sequence[Leg], timeouts: Timeouts) -> Flow[None]:
    """Deliver the answer of the first of ``legs`` that gives one."""
    begun_s = (yield from now()).monotonic_s
    failures: list[DragomanError] = []
    left: Timeouts | None = timeouts
    for leg in legs:
        if left is None:
            break
        progress = Progress()
        try:
            yield from leg(left, progress)
            return
        except DragomanError as error:
            if progress.delivered or isinstance(error, THE_SAME_ANYWHERE):
                raise
            failures.append(error)
            left = timeouts.after((yield from now()).monotonic_s - begun_s)
    raise exhausted(failures)


def exhausted(failures: Sequence[DragomanError]) -> DragomanError:
    """One error for all of them: a single one as it is."""
    last = failures[-1]
    if len(failures) == 1:
        return last
    told = "; ".join(f"{error.provider}/{error.model}: {error.message}" for error in failures)
    error = RouteExhausted(f"each of {len(failures)} targets failed: {told}", retry_after_s=_shortest_wait(failures))
    error.attempts = tuple(failures)
    return error


def _shortest_wait(failures: Sequence[DragomanError]) -> float | None:
    return min((error.retry_after_s for error in failures if error.retry_after_s is not None), default=None)
