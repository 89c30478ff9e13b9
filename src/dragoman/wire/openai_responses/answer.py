"""Responses: the items of an answer to blocks.

Each part of a message is a block of its own, whose extra names the message item; a reasoning item, a function call and any other item is
one block. Blocks of parts end with their item, because only then the item's status is known, or when the next part of the same message
begins. What an item's end says beyond what its deltas brought is told then, so that nothing depends on a host sending every event.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.events import (
    BlockEnded,
    BlockKind,
    BlockStarted,
    Event,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.media import decode_base64, sniff_image
from dragoman.wire.openai_responses.calls import CUSTOM_CALL, is_called, name_of, own_of_call
from dragoman.wire.openai_responses.content import CONTENT, MESSAGE, NAME, as_extra, beside, decode_source
from dragoman.wire.openai_responses.free_text import BEGINS, ENDS, escaped
from dragoman.wire.openai_responses.messages import IMAGE_ITEM
from dragoman.wire.openai_responses.reasoning import GAP, PARTS, SUMMARY, THOUGHT, join, own_of, told_pieces, unseal
from dragoman.wire.openai_responses.tools import CALLS
from dragoman.wire.payload import dump

_SAYS: Final[dict[str, tuple[BlockKind, str]]] = {"output_text": ("text", "text"), "refusal": ("refusal", "refusal")}
"""Parts of a message that we know: our kind and the field with the words."""
_PART: Final = frozenset({"type", "text", "refusal", "annotations", "logprobs"})
_CALLED: Final = frozenset(CALLS.values())
_MESSAGE: Final = frozenset({"type", "role", "content"})
_MISSING: Final[JsonObject] = {}


class Part:
    """A part of a message under way, or the arguments of a call."""

    __slots__ = ("has_ended", "index", "is_settled", "kind", "own", "pieces", "sources")

    def __init__(self, index: int, kind: BlockKind) -> None:
        self.index = index
        self.kind = kind
        self.pieces: list[str] = []
        self.own: JsonObject = {}
        """Fields that only this wire has."""
        self.sources = 0
        self.is_settled = False
        """It has been said whole; a next part ends it."""
        self.has_ended = False

    def missing(self, whole: Json) -> str:
        """What of ``whole`` has not been told yet; nothing where it is another text."""
        told = "".join(self.pieces)
        return whole[len(told) :] if isinstance(whole, str) and whole.startswith(told) else ""


class _Item:
    """An item under way."""

    __slots__ = ("kind", "parts", "record", "thoughts")

    def __init__(self, record: JsonObject) -> None:
        self.kind = record.get("type")
        self.record = record
        self.parts: dict[int, Part] = {}
        """By their place; a reasoning item, a call and an opaque item have one, at 0."""
        self.thoughts: list[tuple[str, int, list[str]]] = []
        """Of a reasoning item: kind, place and texts of each piece."""


class Answer:
    """The items of one answer. Each method appends to ``out`` the events that its argument means."""

    def __init__(self) -> None:
        self.called = False
        """A function was called."""
        self._items: dict[object, _Item] = {}
        self._seen: dict[object, Json] = {}
        """Places of items that have begun, and the id of the last one there."""
        self._begun = 0
        self._keys: dict[object, object] = {}
        self._count = 0

    def key(self, output_index: int | None, item_id: Json) -> object:
        """What an item is known by: its place, or its id at hosts that do not tell the place."""
        if output_index is None:
            return self._keys.get(item_id, item_id) if isinstance(item_id, str) else ""
        if isinstance(item_id, str):
            self._keys[item_id] = output_index
        return output_index

    def text_at(self, output_index: int | None, place: int) -> Part | None:
        """The open text there: the way of nearly every event."""
        item = self._items.get(output_index)
        part = item.parts.get(place) if item is not None else None
        return part if part is not None and part.kind == "text" and not part.has_ended else None

    # --- items ---------------------------------------------------------------------------------------------------------------------------

    def begin(self, key: object, record: JsonObject, out: list[Event]) -> None:
        """An item opens. What it says already is told at its end, with the rest."""
        if not self._is_new(key, record, out):
            return
        self._seen[key] = record.get("id")
        self._begun += 1
        item = self._items[key] = _Item(record)
        match item.kind:
            case "message" | "reasoning":
                pass  # their blocks open with their parts
            case _ if is_called(record):
                self._begin_call(item, record, out)
            case _ if item.kind == IMAGE_ITEM:
                pass  # whether there is a picture shows at the end
            case _:
                self._open(item, 0, "opaque", out, own=record)

    def _is_new(self, key: object, record: JsonObject, out: list[Event]) -> bool:
        """Whether an item opens that is not there already. Some hosts give all items of an answer one place."""
        if key not in self._seen:
            return True
        open_item, name = self._items.get(key), record.get("id")
        if name == self._seen[key]:
            return False
        if open_item is not None and self._seen[key] is None:
            open_item.record, self._seen[key] = record, name  # its deltas came before itself
            return False
        if open_item is not None:
            self.end(key, open_item.record, out)
        return True

    def end(self, key: object, record: JsonObject, out: list[Event]) -> None:
        """An item is complete, and ``record`` is all of it."""
        if key not in self._seen:
            self.begin(key, record, out)
        item = self._items.pop(key, None)
        if item is None:
            return
        match item.kind:
            case "message":
                self._end_message(item, record, out)
            case "reasoning":
                self._end_reasoning(item, record, out)
            case _ if item.kind in _CALLED and item.parts[0].kind == "tool":
                self._end_call(item, record, out)
            case _ if item.kind == IMAGE_ITEM:
                self._tell_image(record, out)
            case _:
                out.append(BlockEnded(item.parts[0].index, extra=as_extra(record) if record != item.record else {}))

    def finish(self, output: list[Json], out: list[Event]) -> None:
        """The answer is complete: end what is open, and tell the items that no event had told."""
        told = {key: record for key, record in enumerate(output) if isinstance(record, dict)}
        is_in_order = self._seen.keys() == set(range(self._begun))
        for key, item in list(self._items.items()):
            record = told.get(key, _MISSING) if is_in_order and isinstance(key, int) else _MISSING
            self.end(key, record if record.get("type") == item.kind else item.record, out)
        if is_in_order:
            for key in range(self._begun, len(output)):
                if key in told:
                    self.end(key, told[key], out)

    # --- parts ---------------------------------------------------------------------------------------------------------------------------

    def begin_part(self, key: object, kind: str, place: int, out: list[Event]) -> None:
        """A part opens; one that we do not know is told at the item's end."""
        if kind in _SAYS:
            self._part(key, kind, place, out)
        elif kind in (SUMMARY, THOUGHT):
            self._thought(key, kind, place, out)

    def settle_part(self, key: object, place: int, record: JsonObject, out: list[Event]) -> None:
        """A part has been said whole."""
        kind = str(record.get("type"))
        if kind in _SAYS:
            part = self._part(key, kind, place, out)
            if part is not None:
                self._settle(part, kind, record, out)

    def grow(self, key: object, kind: str, place: int, text: str, logprobs: tuple[TokenLogprob, ...] | None, out: list[Event]) -> None:
        """More words of a part, which opens it where no event had."""
        if kind in (SUMMARY, THOUGHT):
            self._think(key, kind, place, text, out)
            return
        part = self._part(key, kind, place, out)
        if part is not None and (text or logprobs):
            part.pieces.append(text)
            out.append(TextDelta(part.index, text, logprobs))

    def grow_arguments(self, key: object, text: str, out: list[Event]) -> None:
        """More of a call's arguments. Of a call that no event opened, all is told at its end."""
        item = self._items.get(key)
        part = item.parts[0] if item is not None and item.kind in _CALLED and text else None
        if item is not None and part is not None and part.kind == "tool":
            part.pieces.append(text)
            out.append(ToolDelta(part.index, escaped(text) if item.kind == CUSTOM_CALL else text))

    def cite(self, key: object, place: int, annotation: JsonObject, out: list[Event]) -> None:
        item = self._items.get(key)
        part = item.parts.get(place) if item is not None else None
        if part is None or part.kind != "text":
            out.append(SourceAdded(decode_source(annotation)))
            return
        part.sources += 1
        out.append(SourceAdded(decode_source(annotation), 0, part.index))

    def _item(self, key: object, kind: str, out: list[Event]) -> _Item | None:
        """The open item of that kind, begun where no event had."""
        if key not in self._seen:
            self.begin(key, {"type": kind}, out)
        item = self._items.get(key)
        return item if item is not None and item.kind == kind else None

    def _open(
        self,
        item: _Item,
        place: int,
        kind: BlockKind,
        out: list[Event],
        *,
        id: str | None = None,
        name: str | None = None,
        own: JsonObject = _MISSING,
    ) -> Part:
        part = item.parts[place] = Part(self._count, kind)
        self._count += 1
        out.append(BlockStarted(part.index, kind, id, name, extra=as_extra(own)))
        return part

    # --- messages ------------------------------------------------------------------------------------------------------------------------

    def _part(self, key: object, kind: str, place: int, out: list[Event]) -> Part | None:
        item = self._item(key, "message", out)
        return None if item is None else self._part_of(item, kind, max(place, 0), out)  # -1 is vLLM's word for the first

    def _part_of(self, item: _Item, kind: str, place: int, out: list[Event]) -> Part | None:
        """The part at ``place``, opened where it is not; ``None`` where it has ended or is of another kind."""
        ours = _SAYS[kind][0]
        part = item.parts.get(place)
        if part is not None:
            return part if part.kind == ours and not part.has_ended else None
        facts = _facts(item.record)
        for before in item.parts.values():
            if before.is_settled:
                _end_part(before, facts, out)
        return self._open(item, place, ours, out, own={MESSAGE: facts} if facts else {})

    def _settle(self, part: Part, kind: str, record: JsonObject, out: list[Event]) -> None:
        """Tell what of a part has not been told."""
        rest = part.missing(record.get(_SAYS[kind][1]))
        if rest:
            logprobs = None if part.pieces else _logprobs(record.get("logprobs"))
            part.pieces.append(rest)
            out.append(TextDelta(part.index, rest, logprobs))
        annotations = record.get("annotations")
        for annotation in annotations[part.sources :] if isinstance(annotations, list) else []:
            part.sources += 1
            if isinstance(annotation, dict):
                out.append(SourceAdded(decode_source(annotation), 0, part.index))
        part.own = beside(record, _PART)
        part.is_settled = True

    def _end_message(self, item: _Item, record: JsonObject, out: list[Event]) -> None:
        told, facts = record.get("content"), _facts(record)
        content: list[Json] = told if isinstance(told, list) else []
        item.record = record
        is_empty = not item.parts
        if content and max(item.parts, default=0) >= len(content):  # Bedrock counts the parts of all items in one row
            item.parts = dict(enumerate(item.parts.values()))
        for place, piece in enumerate(content):
            if not isinstance(piece, dict):
                continue
            is_empty = False
            kind = str(piece.get("type"))
            if kind not in _SAYS:
                self._tell_opaque({CONTENT: piece, **({MESSAGE: facts} if facts else {})}, out)
                continue
            part = self._part_of(item, kind, place, out)
            if part is not None:
                self._settle(part, kind, piece, out)
        if is_empty:
            self._tell_opaque(record, out)  # a replay must have it: reasoning may not stand without what follows it
        for part in item.parts.values():
            _end_part(part, facts, out)

    # --- reasoning -----------------------------------------------------------------------------------------------------------------------

    def _thought(self, key: object, kind: str, place: int, out: list[Event]) -> None:
        """A piece of reasoning begins."""
        item = self._item(key, "reasoning", out)
        if item is None:
            return
        if not item.parts:
            self._open(item, 0, "reasoning", out, id=_word(item.record, "id"), own={PARTS: [[kind, 0]]})
        item.thoughts.append((kind, place, []))

    def _think(self, key: object, kind: str, place: int, text: str, out: list[Event]) -> None:
        item = self._item(key, "reasoning", out)
        if item is None or not text:
            return
        if not item.thoughts or item.thoughts[-1][:2] != (kind, place):
            self._thought(key, kind, place, out)
        texts, part = item.thoughts[-1][2], item.parts[0]
        if part.pieces and not texts:
            self._grow_thought(part, GAP, out)
        texts.append(text)
        self._grow_thought(part, text, out)

    def _grow_thought(self, part: Part, text: str, out: list[Event]) -> None:
        part.pieces.append(text)
        out.append(ReasoningDelta(part.index, text))

    def _end_reasoning(self, item: _Item, record: JsonObject, out: list[Event]) -> None:
        secret = _word(record, "encrypted_content")
        signature, redacted = unseal(secret) if not item.parts else (secret, None)
        pieces = [(kind, "".join(texts)) for kind, _, texts in item.thoughts]
        whole = told_pieces(record)
        if not item.parts:
            own = {PARTS: [[whole[0][0], 0]]} if whole else {}
            item.parts[0] = Part(self._count, "reasoning")
            out.append(BlockStarted(self._count, "reasoning", _word(record, "id"), redacted_data=redacted, extra=as_extra(own)))
            self._count += 1
        part = item.parts[0]
        if join(whole).startswith("".join(part.pieces)):
            rest = part.missing(join(whole))
            if rest:
                self._grow_thought(part, rest, out)
            pieces = whole
        own = own_of(record, [(kind, len(text)) for kind, text in pieces])
        out.append(BlockEnded(part.index, signature, extra={NAME: own}))

    # --- others --------------------------------------------------------------------------------------------------------------------------

    def _begin_call(self, item: _Item, record: JsonObject, out: list[Event]) -> None:
        self.called = True
        part = self._open(item, 0, "tool", out, id=_word(record, "call_id", "id"), name=name_of(record), own=own_of_call(record))
        if item.kind == CUSTOM_CALL:
            out.append(ToolDelta(part.index, BEGINS))

    def _end_call(self, item: _Item, record: JsonObject, out: list[Event]) -> None:
        part, told = item.parts[0], record.get("input" if item.kind == CUSTOM_CALL else "arguments")
        rest = part.missing(dump(told).decode() if isinstance(told, dict) else told)
        if item.kind == CUSTOM_CALL:
            rest = escaped(rest) + ENDS
        if rest:
            out.append(ToolDelta(part.index, rest))
        out.append(BlockEnded(part.index, extra=as_extra(own_of_call(record))))

    def _tell_opaque(self, own: JsonObject, out: list[Event]) -> None:
        out.append(BlockStarted(self._count, "opaque", extra=as_extra(own)))
        out.append(BlockEnded(self._count))
        self._count += 1

    def _tell_image(self, record: JsonObject, out: list[Event]) -> None:
        """A picture that the vendor's tool made; without one the item is kept as it is."""
        try:
            data = decode_base64(record["result"], "result") if isinstance(record.get("result"), str) else b""
        except BadRequest:
            data = b""
        if not data:
            self._tell_opaque(record, out)
            return
        form = _word(record, "output_format")
        media_type = sniff_image(data) or f"image/{form or 'png'}"
        own = {name: value for name, value in record.items() if name != "result"}
        out.append(BlockStarted(self._count, "image", _word(record, "id"), extra=as_extra(own), media_type=media_type))
        out.append(MediaDelta(self._count, data))
        out.append(BlockEnded(self._count))
        self._count += 1


def _end_part(part: Part, facts: JsonObject, out: list[Event]) -> None:
    if not part.has_ended:
        part.has_ended = True
        own = {**part.own, MESSAGE: facts} if facts else part.own
        out.append(BlockEnded(part.index, extra=as_extra(own)))


def _facts(message: JsonObject) -> JsonObject:
    """What is known of a message item beside what it says."""
    return beside(message, _MESSAGE)


def _word(record: JsonObject, *names: str) -> str | None:
    """The first of the fields that holds a text."""
    return next((record[name] for name in names if isinstance(record.get(name), str)), None)


def _logprobs(given: Json) -> tuple[TokenLogprob, ...] | None:
    """Those of a whole text; what cannot be read is no reason to lose the text."""
    try:
        return msgspec.convert(given, tuple[TokenLogprob, ...]) or None
    except (msgspec.ValidationError, RecursionError):
        return None
