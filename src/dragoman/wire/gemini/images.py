"""Gemini: pictures, in both roles, from words and from pictures; models named ``imagen`` have a call of their own (``imagen``).

Documentation: https://ai.google.dev/gemini-api/docs/image-generation and the types of google-genai 3.4, read 2026-11-21. A picture is asked
for by ``responseModalities``, its form by ``imageConfig`` (``sizes``). Pictures that are thoughts are drafts and no part of the answer;
words that come with a picture stand in ``extra``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Image, Text
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.wire.carried import foreign_fields
from dragoman.wire.gemini import imagen, turn
from dragoman.wire.gemini.parts import NAME, encode_part, kept, without
from dragoman.wire.gemini.request import ALT, PATH
from dragoman.wire.gemini.request import ROUTES as TURN_ROUTES
from dragoman.wire.gemini.sizes import decode_size, encode_size
from dragoman.wire.gemini.turn import CONFIG, MODALITIES, Told, Turn
from dragoman.wire.quirks import Quirks

__all__ = ["PATH", "ROUTES", "decode_reply", "decode_request", "encode_reply", "encode_request"]

ROUTES: Final = (*imagen.ROUTES, *TURN_ROUTES)

_IMAGE: Final = "IMAGE"
_FORM: Final = "imageConfig"
_RESOLUTION: Final = "imageSize"
_EVENTS: Final = "sse"
"""How a stream travels, where it is no array; a picture is whole in either, and what asked for it holds no word of that but ``ALT``."""
_WORDS: Final = "text"
"""In ``extra``: what the model said beside its pictures."""


def encode_request(request: PictureRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said. Raises ``Unsupported`` for a mask."""
    if imagen.speaks(request.model):
        return imagen.encode_request(request, quirks)
    if request.mask is not None:
        raise Unsupported("mask: Gemini changes a picture as the words say; it takes no mask")
    unsaid = [name for name in ("quality", "background", "format", "user") if getattr(request, name) is not None]
    warnings = [f"{name}: not understood by this provider, left out" for name in unsaid]
    if request.n not in (None, 1):
        warnings.append("n: this provider makes as many pictures as it sees fit, left out")
    form = encode_size(request.size, _RESOLUTION, warnings)
    config = {MODALITIES: [_IMAGE], **({_FORM: form} if form else {})}
    asked = Turn(model=request.model, parts=(Text(text=request.prompt), *request.images), config=config, own=request.extra.get(NAME, {}))
    return turn.encode_turn(asked, quirks, [*warnings, *foreign_fields(request, NAME)])


def decode_request(call: Call, quirks: Quirks) -> PictureRequest:
    """What a caller wants made. Raises ``BadRequest`` that names the field, also where no picture is asked for."""
    if imagen.asked_for(call):
        return imagen.decode_request(call, quirks)
    asked = turn.decode_turn(call)
    if asked.stream:
        asked = msgspec.structs.replace(asked, own={ALT: _EVENTS, **asked.own})
    wanted = asked.config.get(MODALITIES)
    if _IMAGE not in wanted if isinstance(wanted, list) else "image" not in asked.model:
        raise BadRequest(f"{CONFIG}.{MODALITIES}: {_IMAGE} is expected to be among them", param=f"{CONFIG}.{MODALITIES}")
    images = tuple(part for part in asked.parts if isinstance(part, Image))
    prompt = "".join(part.text for part in asked.parts if isinstance(part, Text))
    if len(images) + sum(isinstance(part, Text) for part in asked.parts) != len(asked.parts):
        raise BadRequest("contents: a picture is made of words and pictures alone", param="contents")
    form = asked.config.get(_FORM)
    size, form = decode_size(form if isinstance(form, dict) else {}, _RESOLUTION)
    config = {**without(asked.config, MODALITIES, _FORM), **({_FORM: form} if form else {})}
    if wanted != [_IMAGE]:
        config[MODALITIES] = wanted
    return PictureRequest(model=asked.model, prompt=prompt, images=images, size=size, extra=turn.rest_of(asked, config))


def decode_reply(reply: Reply, quirks: Quirks) -> Pictures:
    """The pictures. Raises the error that the answer tells, ``BadReply`` or ``ContentFiltered`` where it holds none."""
    if imagen.answered_by(reply):
        return imagen.decode_reply(reply, quirks)
    told = turn.decode_told(reply, quirks)
    parts = list(turn.contents(told))
    pictures = tuple(Picture(image=part) for part in parts if isinstance(part, Image))
    if not pictures:
        raise turn.missing(told, "picture")
    words = "".join(part.text for part in parts if isinstance(part, Text))
    return Pictures(pictures=pictures, usage=told.usage, extra=kept({**told.extra, **({_WORDS: words} if words else {})}))


def encode_reply(pictures: Pictures, request: PictureRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    if imagen.speaks(request.model):
        return imagen.encode_reply(pictures, request, quirks)
    own = pictures.extra.get(NAME, {})
    words = [{"text": own[_WORDS]}] if _WORDS in own else []
    encoded = [one for picture in pictures.pictures for one in encode_part(picture.image, "pictures", [])]
    told = Told(parts=(*words, *encoded), usage=pictures.usage, extra=without(own, _WORDS))
    own_request = request.extra.get(NAME, {})
    return turn.encode_told(told, own_request, ALT in own_request)
