"""Usage that a provider did not tell, where the caller's dialect wants numbers all the same: 0 stands there, and a warning says what it is.

Dialects whose records may be null or left out need none. A stream's head has left before its usage is known.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.usage import Usage
from dragoman.gateway.faces import PROMPTS

_EVEN_WITHOUT_ANY: Final = frozenset(
    {
        *(("anthropic_messages", PROMPTS), ("bedrock_converse", PROMPTS)),
        *(("openai_chat", "embed"), ("openai_responses", "embed"), ("voyage", "embed"), ("bedrock_converse", "embed")),
    }
)
"""Faces and what they do, whose answers have a record of usage whatever is known."""
_BOTH_OR_NONE: Final = frozenset({"openai_chat", "openai_completions", "openai_responses"})
"""Faces of prompts whose record is null where nothing is known, and has both totals where one is."""


def uncounted(dialect: str, does: str, usage: Usage | None) -> tuple[str, ...]:
    """The warning that an answer needs, if it does."""
    known = usage or Usage()
    counts = {"input": known.input_tokens, "output": known.output_tokens} if does == PROMPTS else {"input": known.input_tokens}
    lacking = [name for name, count in counts.items() if count is None]
    wanted = (dialect, does) in _EVEN_WITHOUT_ANY or (does == PROMPTS and dialect in _BOTH_OR_NONE and len(lacking) == 1)
    if not lacking or not wanted:
        return ()
    return (f"usage: the provider did not tell how many tokens of {' and '.join(lacking)} there were; 0 stands for them",)
