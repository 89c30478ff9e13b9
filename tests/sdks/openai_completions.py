"""OpenAI's SDK on legacy completions."""

from __future__ import annotations

from typing import Any, Final

import openai

from .openai_chat import client
from .shown import Ask, Shown

__all__ = ["ASKED", "BEYOND", "NAME", "VALUES", "client", "read"]

NAME: Final = "openai_completions"


def create(sdk: openai.OpenAI, **options: Any) -> Any:
    return sdk.completions.create(**{"model": "model-1", "prompt": "Name a river.", **options})


def asking(**options: Any) -> Ask:
    return lambda sdk: create(sdk, **options)


ASKED: Final[dict[str, Ask]] = {
    "max_output_tokens": asking(max_tokens=100),
    "stop": asking(stop=["END"]),
    "temperature": asking(temperature=0.25),
    "seed": asking(seed=7),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: openai.OpenAI, stream: bool) -> Shown:
    """What the SDK gives out of an answer."""
    told = list(create(sdk, stream=True, stream_options={"include_usage": True})) if stream else [create(sdk)]
    choices = [choice for chunk in told for choice in chunk.choices]
    usage = told[-1].usage
    texts = {index: "".join(choice.text for choice in choices if choice.index == index) for index in sorted({one.index for one in choices})}
    return {
        "text": texts.pop(0, ""),
        "logprobs": [token for choice in choices if choice.logprobs for token in choice.logprobs.tokens or ()],
        "several choices": list(texts.values()),
        "usage": (usage.prompt_tokens, usage.completion_tokens),
        "cached tokens read": usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens,
    }
