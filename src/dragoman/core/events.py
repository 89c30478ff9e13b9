"""The events of an answer: a closed union in a legal order, the same for every dialect, streamed or whole.

The order is the table below (``ORDER``): an answer starts once; within each choice, blocks open, take deltas of their own kind and
end; a choice finishes once, with no block left open. Several blocks may be open at once, because vendors interleave parallel tool calls.
Decoders keep this order whatever the vendor sends, encoders may rely on it, and ``OrderCheck`` asserts it in tests and debug runs.
"""

from __future__ import annotations

from typing import Final, Literal, final

import msgspec

from dragoman.core.messages import Source
from dragoman.core.opaque import Extra
from dragoman.core.usage import Usage

BlockKind = Literal["text", "reasoning", "refusal", "tool", "image", "audio", "opaque"]
FinishName = Literal["stop", "length", "tool_calls", "content_filter", "other", "unknown"]


class FinishReason(msgspec.Struct, frozen=True):
    """Why the model stopped: our word, and the vendor's. ``unknown`` is a vendor that did not say, ``other`` a word of its own."""

    unified: FinishName
    raw: str | None = None


class TokenLogprob(msgspec.Struct, frozen=True):
    """A token with the natural logarithm of its probability, and the likeliest alternatives at its place."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top_logprobs: tuple[TokenLogprob, ...] = ()


class EventBase(msgspec.Struct, frozen=True, gc=False, tag_field="type"):
    """What all events share: each has ``text``: the answer's words in it, empty where there are none."""

    @property
    def text(self) -> str:
        return ""


@final
class Started(EventBase, frozen=True, kw_only=True, tag="started"):
    """The answer begins. ``warnings`` name what the target could not carry of the request."""

    id: str | None = None
    model: str | None = None
    created_s: int | None = None
    """When the vendor says the answer was made, in seconds since 1970."""
    warnings: tuple[str, ...] = ()
    extra: Extra = {}


class BlockStarted(EventBase, frozen=True, tag="block_started"):
    """A block opens. ``id`` and ``name`` are set for tools, ``redacted_data`` for hidden reasoning, ``media_type`` for media.

    An ``opaque`` block takes no deltas; what the vendor sent is in ``extra`` of its start, or of its end where it came in pieces.
    """

    index: int
    kind: BlockKind
    id: str | None = None
    name: str | None = None
    redacted_data: str | None = None
    choice: int = 0
    extra: Extra = {}
    media_type: str | None = None


class TextDelta(EventBase, frozen=True, tag="text_delta"):
    """More words of a text or refusal block."""

    index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None
    choice: int = 0


class ReasoningDelta(EventBase, frozen=True, tag="reasoning_delta"):
    """More of the model's thinking. It is in ``reasoning``, so that printing ``text`` prints the answer alone."""

    index: int
    reasoning: str
    choice: int = 0


class ToolDelta(EventBase, frozen=True, tag="tool_delta"):
    """More of a tool call's arguments, as the exact JSON text that the model wrote."""

    index: int
    arguments: str
    choice: int = 0


class MediaDelta(EventBase, frozen=True, tag="media_delta"):
    """More bytes of a picture or a sound, and of what is said in it."""

    index: int
    data: bytes = b""
    transcript: str = ""
    choice: int = 0


class SourceAdded(EventBase, frozen=True, tag="source_added"):
    """The answer cites something; ``index`` is the block that does, where the vendor says which."""

    source: Source
    choice: int = 0
    index: int | None = None


class BlockEnded(EventBase, frozen=True, tag="block_ended"):
    """A block is complete. ``signature`` is the vendor's opaque proof of a reasoning block."""

    index: int
    signature: str | None = None
    choice: int = 0
    extra: Extra = {}


class Finished(EventBase, frozen=True, tag="finished"):
    """A choice is complete. ``usage`` is the whole answer's and stands on the last choice to finish."""

    reason: FinishReason
    usage: Usage | None = None
    choice: int = 0
    extra: Extra = {}


Event = Started | BlockStarted | TextDelta | ReasoningDelta | ToolDelta | MediaDelta | SourceAdded | BlockEnded | Finished

DELTAS: Final[dict[BlockKind, type[EventBase] | None]] = {
    "text": TextDelta,
    "refusal": TextDelta,
    "reasoning": ReasoningDelta,
    "tool": ToolDelta,
    "image": MediaDelta,
    "audio": MediaDelta,
    "opaque": None,
}
"""Which delta a block of each kind takes, if any."""

ORDER: Final[dict[str, dict[type[EventBase], str]]] = {
    "idle": {Started: "started"},
    "started": {BlockStarted: "started", SourceAdded: "started", Finished: "finished"},
    "finished": {},
    "open": {TextDelta: "open", ReasoningDelta: "open", ToolDelta: "open", MediaDelta: "open", BlockEnded: "ended"},
    "ended": {},
}
"""State and event to next state. The first three states are a choice's, the last two a block's."""


class OrderCheck:
    """Asserts the legal order, event by event."""

    def __init__(self) -> None:
        self._started = False
        self._choices: dict[int, str] = {}
        self._blocks: dict[tuple[int, int], tuple[str, BlockKind]] = {}

    def check(self, event: Event) -> None:
        """Raise ``AssertionError`` where ``event`` may not stand here."""
        if isinstance(event, Started):
            self._step("started" if self._started else "idle", event)
            self._started = True
        elif isinstance(event, (TextDelta, ReasoningDelta, ToolDelta, MediaDelta, BlockEnded)):
            self._check_inside_block(event)
        elif isinstance(event, (BlockStarted, SourceAdded, Finished)):
            self._check_choice(event)

    def _check_choice(self, event: BlockStarted | SourceAdded | Finished) -> None:
        state = self._choices.get(event.choice, "started" if self._started else "idle")
        self._choices[event.choice] = self._step(state, event)
        if isinstance(event, BlockStarted):
            key = (event.choice, event.index)
            assert key not in self._blocks, f"block {key} started twice"
            self._blocks[key] = ("open", event.kind)
        elif isinstance(event, Finished):
            left = [key for key, (state, _) in self._blocks.items() if key[0] == event.choice and state == "open"]
            assert not left, f"choice {event.choice} finished with open blocks {left}"

    def _check_inside_block(self, event: TextDelta | ReasoningDelta | ToolDelta | MediaDelta | BlockEnded) -> None:
        key = (event.choice, event.index)
        assert key in self._blocks, f"{type(event).__name__} for block {key}, which was never started"
        state, kind = self._blocks[key]
        assert isinstance(event, BlockEnded) or type(event) is DELTAS[kind], f"{type(event).__name__} inside a {kind} block"
        self._blocks[key] = (self._step(state, event), kind)

    def _step(self, state: str, event: Event) -> str:
        following = ORDER[state].get(type(event))
        assert following is not None, f"{type(event).__name__} is not legal in state {state!r}"
        return following

    def end(self) -> None:
        """Raise ``AssertionError`` unless every choice that was begun has finished."""
        unfinished = [choice for choice, state in self._choices.items() if state != "finished"]
        assert self._choices, "the answer never finished"
        assert not unfinished, f"choices {unfinished} never finished"
