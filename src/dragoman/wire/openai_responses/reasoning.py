"""Responses: a reasoning item and our ``Reasoning``, both ways.

An item has a list of summaries and, from open models, a list of its thoughts themselves; ours is one text, in which the pieces are parted
by a blank line. ``parts`` in the extra keeps their kinds and lengths, so that the item can be written as it was; it also marks the item as
one of this wire. ``encrypted_content`` is the signature. Hidden thinking of another vendor (``redacted_data``) passes through a client of
this wire as ``encrypted_content`` too, with a mark before it.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.messages import Reasoning
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_responses.content import NAME, beside, own_fields
from dragoman.wire.quirks import Quirks

PARTS: Final = "parts"
SUMMARY: Final = "summary_text"
THOUGHT: Final = "reasoning_text"
GAP: Final = "\n\n"
REDACTED: Final = "redacted_data:"
"""Before ``encrypted_content`` that is another vendor's hidden thinking; the vendor's own never begins so."""

_FIELDS: Final = {"summary": SUMMARY, "content": THOUGHT}
"""The lists of a reasoning item and what they hold, in the order in which they are told."""
_KNOWN: Final = frozenset({"type", "id", "encrypted_content", *_FIELDS})


def told_pieces(item: JsonObject) -> list[tuple[str, str]]:
    """Kind and text of every piece of an item."""
    pieces: list[tuple[str, str]] = []
    for field, kind in _FIELDS.items():
        given = item.get(field)
        for piece in given if isinstance(given, list) else []:
            text = piece.get("text") if isinstance(piece, dict) else None
            if isinstance(text, str):
                pieces.append((kind, text))
    return pieces


def own_of(item: JsonObject, pieces: list[tuple[str, int]]) -> JsonObject:
    """The extra of an item whose pieces have these kinds and lengths."""
    return {PARTS: [list(piece) for piece in pieces], **beside(item, _KNOWN)}


def join(pieces: list[tuple[str, str]]) -> str:
    """The text of all pieces; an empty one stands for itself only in ``parts``."""
    return GAP.join(text for _, text in pieces if text)


def decode_reasoning(item: JsonObject) -> Reasoning:
    """A reasoning item of a request."""
    pieces = told_pieces(item)
    secret, name = item.get("encrypted_content"), item.get("id")
    signature, redacted = unseal(secret if isinstance(secret, str) else None)
    return Reasoning(
        text=join(pieces),
        signature=signature,
        redacted_data=redacted,
        id=name if isinstance(name, str) else None,
        extra={NAME: own_of(item, [(kind, len(text)) for kind, text in pieces])},
    )


def encode_reasoning(part: Reasoning, quirks: Quirks) -> JsonObject | None:
    """The item, or ``None`` where this wire would refuse it: thinking that neither is its own nor carries a proof.

    ``Quirks.reasoning_field`` names the list (``summary`` or ``content``) in which a host wants such thinking all the same.
    """
    own, secret = own_fields(part.extra), seal(part.signature, part.redacted_data)
    field = quirks.reasoning_field
    if not own and secret is None and field not in _FIELDS:
        return None
    kind = _FIELDS.get(field or "", SUMMARY)
    pieces = split(part.text, own.get(PARTS)) or ([(kind, part.text)] if part.text else [])
    item: JsonObject = {"type": "reasoning"}
    if part.id is not None:
        item["id"] = part.id
    item["summary"] = listed(pieces, SUMMARY)
    thoughts = listed(pieces, THOUGHT)
    if thoughts:
        item["content"] = thoughts
    if secret is not None:
        item["encrypted_content"] = secret
    return {**item, **beside(own, frozenset({PARTS}))}


def listed(pieces: list[tuple[str, str]], kind: str) -> list[JsonObject]:
    return [{"type": kind, "text": text} for of, text in pieces if of == kind]


def split(text: str, parts: Json) -> list[tuple[str, str]] | None:
    """``text`` in the pieces that ``parts`` tells, or ``None`` where it is not the text that was told."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for part in parts if isinstance(parts, list) else []:
        match part:
            case [str(kind), int(length)] if length >= 0:
                if length and at:
                    at += len(GAP)
                pieces.append((kind, text[at : at + length]))
                at += length
            case _:
                return None
    return pieces if join(pieces) == text else None


def seal(signature: str | None, redacted_data: str | None) -> str | None:
    """``encrypted_content`` for a proof or for hidden thinking."""
    return REDACTED + redacted_data if redacted_data is not None else signature


def unseal(secret: str | None) -> tuple[str | None, str | None]:
    """The proof, or the hidden thinking, in ``encrypted_content``."""
    if secret is not None and secret.startswith(REDACTED):
        return None, secret.removeprefix(REDACTED)
    return secret, None
