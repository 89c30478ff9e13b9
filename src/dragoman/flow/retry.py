"""Trying again: the one policy, for every provider and dialect.

An error is tried again when it may pass by itself (``retryable``), nothing of the answer was delivered yet, the wait fits into the time
allowed, and the budget holds. Retry-After is obeyed; without one the wait is exponential with full jitter
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, read 2026-11-21).
"""

from __future__ import annotations

import logging

import msgspec

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.exchange import Timeouts
from dragoman.flow.attempt import Progress, Target, attempt
from dragoman.flow.effects import Flow, Sleep, chance, now

_LOG = logging.getLogger("dragoman")
_LOG.addHandler(logging.NullHandler())  # a library is silent until the program that uses it asks for its log


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long. ``max_wait_s`` is the longest Retry-After that is waited for; a longer one raises at once."""

    tries: int = 3
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise UsageError(f"tries: {self.tries} was given; 1 (no retry) or more is allowed")

    def backoff_s(self, failures: int, fraction: float) -> float:
        """The wait after the ``failures``-th failure, ``fraction`` (0 to 1) of the exponential bound."""
        doublings = min(failures - 1, 64)  # beyond, the power would leave the range of a float
        return fraction * min(self.max_wait_s, self.first_wait_s * 2.0**doublings)


class RetryBudget:
    """Keeps retries from multiplying an outage: a bucket that each call fills a little and each retry empties by one.

    With the defaults a client that meets only failures soon retries one call in ten; one that seldom fails always may. The idea is gRPC's
    retry throttling (https://github.com/grpc/proposal/blob/master/A6-client-retries.md, read 2026-11-21).
    """

    def __init__(self, size: float = 10.0, per_call: float = 0.1) -> None:
        self._size = size
        self._per_call = per_call
        self._left = size

    def earn(self) -> None:
        """A call was made."""
        left = self._left + self._per_call
        self._left = left if left < self._size else self._size

    def spend(self) -> bool:
        """Take one retry out; ``False`` where there is none left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def retrying(target: Target, timeouts: Timeouts, policy: RetryPolicy, budget: RetryBudget, progress: Progress | None = None) -> Flow[None]:
    """Deliver the answer of ``target``, trying again as the policy says. Raises the last error, with the earlier ones on it.

    ``progress`` tells whoever gives it what was delivered.
    """
    budget.earn()
    begun = (yield from now()).monotonic_s
    earlier: list[DragomanError] = []
    left = timeouts
    progress = progress or Progress()
    progress.target, provider = target, target.provider
    del target
    while True:
        try:
            yield from attempt(progress.target, left, progress)
            return
        except DragomanError as error:
            error.attempts = tuple(earlier)
            elapsed = (yield from now()).monotonic_s - begun
            wait_s = yield from _wait_before_retry(error, len(earlier) + 1, policy)
            rest = None if wait_s is None else timeouts.after(elapsed + wait_s)
            if wait_s is None or rest is None or progress.delivered or not budget.spend():
                if earlier:
                    _LOG.warning("%s: try %d of %d failed, given up: %r", provider, len(earlier) + 1, policy.tries, error)
                raise
            earlier.append(error)
            _LOG.warning("%s: try %d of %d failed, again in %.2f s: %r", provider, len(earlier), policy.tries, wait_s, error)
            yield Sleep(wait_s)
            left = rest


def _wait_before_retry(error: DragomanError, failures: int, policy: RetryPolicy) -> Flow[float | None]:
    """Seconds to wait, or ``None`` where this error is not tried again."""
    if not error.retryable or failures >= policy.tries:
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s if error.retry_after_s <= policy.max_wait_s else None
    return policy.backoff_s(failures, (yield from chance()))
