"""What the gateway holds while an answer streams: its prompt, which may be long, is no part of it."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from dragoman.core.exchange import Call
from tests.gateway.direct import Direct, taken

PROMPT_BYTES = 1_000_000
BODY = b'{"model":"openai/gpt-x","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"%b"}]}'


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("targets", [["openai/gpt-x"], ["openai/gpt-y", "openai/gpt-x"]])
def test_a_stream_that_has_begun_holds_no_prompt(path: str, targets: list[str]) -> None:
    async def scenario() -> int:
        before = tracemalloc.get_traced_memory()[0]
        body = BODY % (b"word " * (PROMPT_BYTES // 5))
        answer = await direct.gateway.handle(Call("POST", path, (("host", "localhost"),), body))
        sent = len(direct.calls.pop().body)
        del body
        held = tracemalloc.get_traced_memory()[0] - before
        assert (await taken(answer)).body
        assert sent > PROMPT_BYTES
        return held

    with Direct({"models": {"openai/gpt-x": {"targets": targets}}}) as direct:
        direct.post(path, BODY % b"x")  # what is made once is made
        tracemalloc.start()
        try:
            assert asyncio.run(scenario()) < PROMPT_BYTES / 4
        finally:
            tracemalloc.stop()
