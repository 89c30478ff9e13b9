"""Responses: blocks to output items, each with the events that tell it.

A stream may have several items open at once, known by their ``output_index``; so nothing is held back. Texts that follow one another are
parts of one message item, unless they came from several, and a message is closed only when something else begins, since a source may still
be named behind its last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.core.events import BlockEnded, BlockStarted, TextDelta, TokenLogprob
from dragoman.core.messages import Source
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Tool
from dragoman.wire.media import encode_base64
from dragoman.wire.openai_responses.calls import CUSTOM_CALL, FUNCTION_CALL, SEARCH_CALL, said
from dragoman.wire.openai_responses.content import CONTENT, MESSAGE, beside, encode_source, own_fields
from dragoman.wire.openai_responses.free_text import FreeText
from dragoman.wire.openai_responses.messages import IMAGE_ITEM
from dragoman.wire.openai_responses.reasoning import PARTS, SUMMARY, THOUGHT, seal
from dragoman.wire.openai_responses.tools import called

ID_STEM_LENGTH: Final = 48
"""Of the response's id in those of its items: OpenAI takes no id of more than 64 characters back."""

_EVENTS: Final = {
    "text": ("output_text", "text"),
    "refusal": ("refusal", "refusal"),
}
"""Kind of a block to the type of its part, which its events begin with, and the field of its words."""


class Output:
    """The items of one answer and the events told of them, in order."""

    def __init__(self) -> None:
        self.items: list[JsonObject] = []
        self.told: list[JsonObject] = []
        self.stem = ""
        self._sequence = 0

    def tell(self, kind: str, **fields: Json) -> None:
        self.told.append({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1

    def take(self) -> list[JsonObject]:
        """The events told since the last time."""
        told, self.told = self.told, []
        return told

    def add(self, prefix: str, item: JsonObject) -> tuple[int, JsonObject]:
        """A new item, named where it has no name; its place and itself as it grows."""
        index = len(self.items)
        item = {"id": f"{prefix}_{self.stem}_{index}", **item}
        self.items.append(item)
        self.tell("response.output_item.added", output_index=index, item=item.copy())
        return index, item

    def end(self, index: int) -> None:
        self.tell("response.output_item.done", output_index=index, item=self.items[index])


def encode_logprobs(logprobs: tuple[TokenLogprob, ...] | None) -> list[JsonObject]:
    """The wire requires the list, and the bytes of each token."""
    return [_encode_logprob(one) | {"top_logprobs": [_encode_logprob(top) for top in one.top_logprobs]} for one in logprobs or ()]


def _encode_logprob(one: TokenLogprob) -> JsonObject:
    given = list(one.token.encode()) if one.bytes is None else list(one.bytes)
    return {"token": one.token, "logprob": one.logprob, "bytes": given}


class Words:
    """A text or a refusal: a part of a message item."""

    def __init__(self, message: MessageItem, event: BlockStarted) -> None:
        self._message = message
        self._output = message.output
        self.kind, self._field = _EVENTS[event.kind]
        self._pieces: list[str] = []
        self._logprobs: list[JsonObject] = []
        self.has_ended = False
        self._is_told = False
        self.part: JsonObject = {"type": self.kind, self._field: ""}
        if self.kind == "output_text":
            self.part |= {"annotations": [], "logprobs": []}
        self._place = {"item_id": message.item["id"], "output_index": message.index, "content_index": message.add(self)}
        self._output.tell("response.content_part.added", **self._place, part=dict(self.part))

    def grow(self, event: TextDelta) -> None:
        self._pieces.append(event.text)
        fields: JsonObject = {**self._place, "delta": event.text}
        if self.kind == "output_text":
            logprobs = encode_logprobs(event.logprobs)
            self._logprobs.extend(logprobs)
            fields["logprobs"] = logprobs
        self._output.tell(f"response.{self.kind}.delta", **fields)

    def cite(self, source: Source) -> bool:
        """Whether the source could still be named here."""
        annotation = encode_source(source)
        if self._is_told or annotation is None or self.kind != "output_text":
            return False
        annotations = self.part["annotations"]
        place = {**self._place, "annotation_index": len(annotations)}
        self._output.tell("response.output_text.annotation.added", **place, annotation=annotation)
        self.part["annotations"] = [*annotations, annotation]
        return True

    def end(self, event: BlockEnded) -> None:
        own = own_fields(event.extra)
        facts = own.get(MESSAGE)
        self._message.learn(facts if isinstance(facts, dict) else {})
        self.part |= {name: value for name, value in own.items() if name not in (MESSAGE, CONTENT)}
        self.has_ended = True

    def settle(self) -> None:
        """Tell the whole."""
        if self._is_told:
            return
        self._is_told = True
        words = "".join(self._pieces)
        self.part[self._field] = words
        if self.kind == "output_text":
            self.part["logprobs"] = self._logprobs
            self._output.tell("response.output_text.done", **self._place, text=words, logprobs=self._logprobs)
        else:
            self._output.tell(f"response.{self.kind}.done", **self._place, refusal=words)
        self._output.tell("response.content_part.done", **self._place, part=self.part)


class MessageItem:
    """A message item and its parts."""

    def __init__(self, output: Output, facts: JsonObject) -> None:
        self.output = output
        self.facts = facts
        self.parts: list[Words | JsonObject] = []
        """Those of our kinds, and those that only this wire knows, which come whole."""
        self.is_open = True
        item = {**facts, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self.index, self.item = output.add("msg", item)

    def takes(self, facts: JsonObject) -> bool:
        """Whether a part with these facts belongs here."""
        return self.is_open and facts.get("id") == self.facts.get("id")

    def add(self, part: Words | JsonObject) -> int:
        self.settle()
        self.parts.append(part)
        return len(self.parts) - 1

    def add_whole(self, part: JsonObject) -> None:
        """A part that only this wire knows."""
        place = {"item_id": self.item["id"], "output_index": self.index, "content_index": self.add(part)}
        self.output.tell("response.content_part.added", **place, part=part)
        self.output.tell("response.content_part.done", **place, part=part)

    def learn(self, facts: JsonObject) -> None:
        self.facts = {**self.facts, **facts}

    def settle(self) -> None:
        """Tell the whole of the parts that have ended."""
        for part in self.parts:
            if isinstance(part, Words) and part.has_ended:
                part.settle()

    def close(self, status: str) -> None:
        """Nothing more comes, unless a part has not ended."""
        if not self.is_open or any(isinstance(part, Words) and not part.has_ended for part in self.parts):
            return
        self.settle()
        self.is_open = False
        content = [part.part if isinstance(part, Words) else part for part in self.parts]
        self.item |= {"status": status, **{name: fact for name, fact in self.facts.items() if name != "id"}, "content": content}
        self.output.end(self.index)


class ReasoningItem:
    """A reasoning item: one summary, or one piece of the thoughts themselves, which opens with its first word."""

    def __init__(self, output: Output, event: BlockStarted) -> None:
        self._output = output
        self._redacted = event.redacted_data
        self._kind = _kind_of(own_fields(event.extra))
        self._pieces: list[str] = []
        item: JsonObject = {"type": "reasoning", "summary": []}
        if event.id is not None:
            item["id"] = event.id
        self._index, self._item = output.add("rs", item)
        number = "summary_index" if self._kind == SUMMARY else "content_index"
        self._place = {"item_id": self._item["id"], "output_index": self._index, number: 0}
        self._part = "reasoning_summary_part" if self._kind == SUMMARY else "content_part"
        self._text = "reasoning_summary_text" if self._kind == SUMMARY else "reasoning_text"

    def grow(self, text: str) -> None:
        if not self._pieces:
            self._output.tell(f"response.{self._part}.added", **self._place, part={"type": self._kind, "text": ""})
        self._pieces.append(text)
        self._output.tell(f"response.{self._text}.delta", **self._place, delta=text)

    def end(self, event: BlockEnded) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            part = {"type": self._kind, "text": text}
            self._output.tell(f"response.{self._text}.done", **self._place, text=text)
            self._output.tell(f"response.{self._part}.done", **self._place, part=part)
            self._item["summary" if self._kind == SUMMARY else "content"] = [part]
        secret = seal(event.signature, self._redacted)
        if secret is not None:
            self._item["encrypted_content"] = secret
        self._item |= {name: value for name, value in own_fields(event.extra).items() if name != PARTS}
        self._output.end(self._index)


def _kind_of(own: JsonObject) -> str:
    """Whether thoughts are told as such: only where they came so, since most clients show summaries alone."""
    match own.get(PARTS):
        case [[str(kind), *_], *_] if kind == THOUGHT:
            return THOUGHT
        case _:
            return SUMMARY


class CallItem:
    """A function call."""

    def __init__(self, output: Output, event: BlockStarted, call: JsonObject) -> None:
        self._output = output
        self._pieces: list[str] = []
        own = beside(own_fields(event.extra), frozenset({"name"}))
        self._index, self._item = output.add("fc", {**own, **call, "call_id": event.id or "", "arguments": "", "status": "in_progress"})
        self._place = {"item_id": self._item["id"], "output_index": self._index}

    def grow(self, arguments: str) -> None:
        self._pieces.append(arguments)
        self._output.tell("response.function_call_arguments.delta", **self._place, delta=arguments)

    def end(self, event: BlockEnded) -> None:
        arguments = "".join(self._pieces)
        self._output.tell("response.function_call_arguments.done", **self._place, arguments=arguments)
        self._item |= {"status": "completed", **_own_of_end(event), "arguments": arguments}
        self._output.end(self._index)


class CustomCallItem:
    """A call of a tool that takes free text, which stands in a model's arguments as a string."""

    def __init__(self, output: Output, event: BlockStarted, call: JsonObject) -> None:
        self._output = output
        self._reader = FreeText()
        self._pieces: list[str] = []
        own = beside(own_fields(event.extra), frozenset({"name"}))
        self._index, self._item = output.add("ctc", {**own, **call, "call_id": event.id or "", "input": "", "status": "in_progress"})
        self._place = {"item_id": self._item["id"], "output_index": self._index}

    def grow(self, arguments: str) -> None:
        self._tell(self._reader.feed(arguments))

    def end(self, event: BlockEnded) -> None:
        self._tell(self._reader.end())
        text = "".join(self._pieces)
        self._output.tell("response.custom_tool_call_input.done", **self._place, input=text)
        self._item |= {"status": "completed", **_own_of_end(event), "input": text}
        self._output.end(self._index)

    def _tell(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._output.tell("response.custom_tool_call_input.delta", **self._place, delta=text)


class SearchCallItem:
    """A search for tools, which the client does. What it looks for is an object, so it is told when that is whole."""

    def __init__(self, output: Output, event: BlockStarted, call: JsonObject) -> None:
        self._output = output
        self._pieces: list[str] = []
        own = {"execution": "client", **beside(own_fields(event.extra), frozenset({"name"})), "type": call["type"]}
        self._index, self._item = output.add("tsc", {**own, "call_id": event.id or "", "arguments": {}, "status": "in_progress"})

    def grow(self, arguments: str) -> None:
        self._pieces.append(arguments)

    def end(self, event: BlockEnded) -> None:
        told = said(self._item["type"], "".join(self._pieces))
        self._item |= {"status": "completed", **_own_of_end(event), **told}
        self._output.end(self._index)


CallItems = CallItem | CustomCallItem | SearchCallItem
_CALL_ITEMS: Final[dict[str, type[CallItems]]] = {FUNCTION_CALL: CallItem, CUSTOM_CALL: CustomCallItem, SEARCH_CALL: SearchCallItem}


def call_item(output: Output, event: BlockStarted, tools: Mapping[str, Tool]) -> CallItems:
    """The item of a call, by what its block says itself to be, or else by what its tool is."""
    own = own_fields(event.extra)
    call = called(event.name or "", tools)
    call |= {name: own[name] for name in ("type", "name", "namespace") if name in own}
    return _CALL_ITEMS.get(call["type"], CallItem)(output, event, call)


def _own_of_end(event: BlockEnded) -> JsonObject:
    return beside(own_fields(event.extra), frozenset({"id", "type", "name"}))


class PictureItem:
    """A picture, told as the vendor's tool for pictures tells one."""

    def __init__(self, output: Output, event: BlockStarted) -> None:
        self._output = output
        self._data: list[bytes] = []
        self._own = own_fields(event.extra)
        form = (event.media_type or "image/png").removeprefix("image/")
        item = {"output_format": form, **self._own, "type": IMAGE_ITEM, "status": "in_progress", "result": None}
        self._index, self._item = output.add("ig", item)

    def grow(self, data: bytes) -> None:
        self._data.append(data)

    def end(self, event: BlockEnded) -> None:
        own = {name: value for name, value in own_fields(event.extra).items() if name not in ("id", "type")}
        self._item |= {"status": self._own.get("status", "completed"), **own, "result": encode_base64(b"".join(self._data))}
        self._output.end(self._index)


class OwnItem:
    """An item of this wire alone, as it came."""

    def __init__(self, output: Output, event: BlockStarted) -> None:
        self._output = output
        self._index, self._item = output.add("item", dict(own_fields(event.extra)))

    def end(self, event: BlockEnded) -> None:
        own = own_fields(event.extra)
        if own:
            self._output.items[self._index] = {"id": self._item["id"], **own}
        self._output.end(self._index)
