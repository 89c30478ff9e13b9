"""Claude's law of thinking with tools, for the wires that reach it: a turn that thinks by a budget begins with its thought.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking, read 2026-11-21: while tools are called, the turn is one, from the
caller's words on, and with ``thinking`` of type ``enabled`` its first message must begin with a signed or hidden thought, or the request
is refused; without ``thinking`` it need not. Callers of other dialects often have no place for the thought, or for its signature.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.core.messages import Message, Reasoning, ToolCall
from dragoman.core.request import Request


def without_lost_budget(request: Request, warnings: list[str], *, unsigned: bool = False) -> Request:
    """``request`` as it is taken: without a budget for thinking where the turn under way has lost the thought that it began with.

    ``unsigned`` says that a host takes thoughts without a signature.
    """
    wanted = request.reasoning
    if wanted is None or wanted.budget_tokens is None or wanted.enabled is False or not _has_lost(request.messages, unsigned):
        return request
    warnings.append("reasoning.budget_tokens: the thought that this turn began with did not come back, so it goes on without thinking")
    rest = msgspec.structs.replace(wanted, budget_tokens=None, enabled=None, summary=None)
    return msgspec.structs.replace(request, reasoning=rest if rest.effort is not None else None)


def _has_lost(messages: Sequence[Message], unsigned: bool) -> bool:
    first = None
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "assistant":
            first = messages[at]
        elif messages[at].role == "user" and not (at and messages[at - 1].role == "tool"):
            break
    if first is None or not any(isinstance(part, ToolCall) for part in first.parts):
        return False
    begins = first.parts[0]
    return not (isinstance(begins, Reasoning) and (unsigned or begins.signature or begins.redacted_data is not None))
