"""Bedrock: pictures, in both roles, by ``InvokeModel`` in the form of Stability AI's models (Stable Image Core and Ultra, Diffusion 3.5).

Documentation: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html and
…-stable-ultra-text-image-request-response.html, read 2026-11-21. One picture a call, from words or from words and one picture. Amazon's own
models for pictures had another form; the service has ended them.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from dragoman.core.errors import BadReply, BadRequest, ContentFiltered, Unsupported
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.messages import Image
from dragoman.core.opaque import JsonObject
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.wire.bedrock_converse.content import NAME, as_extra, own_fields
from dragoman.wire.bedrock_converse.embed import PATH
from dragoman.wire.bedrock_converse.errors import decode_error
from dragoman.wire.bedrock_converse.request import encode_path
from dragoman.wire.carried import foreign_fields
from dragoman.wire.media import decode_base64, encode_base64, sniff_image
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks
from dragoman.wire.ratios import measure, ratio

__all__ = ["PATH", "ROUTES", "decode_reply", "decode_request", "encode_reply", "encode_request"]

ROUTES: Final = (r"/model/[^/]*stability\.[^/]*/invoke",)
"""The path of embeddings with a model for pictures in it."""

_LOCATED: Final = re.compile(r"/model/([^/]+)/invoke")
_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))
_MODES: Final = ("text-to-image", "image-to-image")
_RATIOS: Final = ("1:1", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21", "16:9", "21:9")
_STRENGTH: Final = 0.7
_FILTERED: Final = "Filter reason"


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: PictureRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said. Raises ``Unsupported`` for a mask and for several pictures."""
    if request.mask is not None:
        raise Unsupported("mask: these models change a picture as the words say; they take no mask")
    unsaid = [name for name in ("quality", "background", "user") if getattr(request, name) is not None]
    warnings = [f"{name}: not understood by this provider, left out" for name in unsaid]
    if request.n not in (None, 1):
        warnings.append("n: this provider makes one picture a call, left out")
    if "stability." not in request.model:
        warnings.append(f"model: {request.model} is not named as Stability AI's are; it is asked in their form")
    body: JsonObject = {"prompt": request.prompt, **_encode_images(request, warnings), **_encode_size(request, warnings)}
    if request.format is not None:
        body["output_format"] = request.format
    body = apply_quirks({**body, **own_fields(request.extra)}, quirks, warnings)
    warnings.extend(foreign_fields(request, NAME))
    url = encode_path(request.model, False, msgspec.structs.replace(quirks, path=PATH))
    return Call("POST", url, with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def _encode_images(request: PictureRequest, warnings: list[str]) -> JsonObject:
    if not request.images:
        return {}
    image = request.images[0]
    if len(request.images) > 1 or image.data is None:
        raise Unsupported("images: these models start from one picture, given as data")
    if "strength" not in own_fields(request.extra):
        warnings.append(f"strength: it is required here, and {_STRENGTH} assumed")
    return {"mode": _MODES[1], "image": encode_base64(image.data), "strength": _STRENGTH}


def _encode_size(request: PictureRequest, warnings: list[str]) -> JsonObject:
    size = request.size
    if size is None:
        return {}
    if request.images:
        warnings.append("size: a changed picture keeps the size it has, left out")
        return {}
    pixels = measure(size)
    asked = size if pixels is None else ratio(*pixels, _RATIOS)
    if asked is None or (pixels is None and ":" not in size):
        warnings.append(f"size: {size} has none of this provider's ratios, left out; they are {', '.join(_RATIOS)}")
        return {}
    if pixels is not None:
        warnings.append(f"size: this provider takes a ratio; {asked} is asked for")
    return {"aspect_ratio": asked}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Body(msgspec.Struct):
    prompt: str
    mode: str | None = None
    image: str | None = None
    aspect_ratio: str | None = None
    output_format: str | None = None


def decode_request(call: Call, quirks: Quirks) -> PictureRequest:
    """What a caller wants made. Raises ``BadRequest`` that names the field."""
    path = urlsplit(call.url).path
    found = _LOCATED.search(path)
    if found is None or found.end() != len(path):
        raise BadRequest(f"the path {path!r} names no model; {PATH} is expected")
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    if body.mode is not None and body.mode != _MODES[body.image is not None]:
        raise BadRequest(f"mode: {body.mode!r} was given; {_MODES[0]} has no image, {_MODES[1]} has one", param="mode")
    return PictureRequest(
        model=unquote(found[1]),
        prompt=body.prompt,
        images=() if body.image is None else (_image(decode_base64(body.image, "image")),),
        size=body.aspect_ratio,
        format=body.output_format,
        extra=as_extra({name: value for name, value in given.items() if name not in _Body.__struct_fields__}),
    )


def asked_for(call: Call) -> str | None:
    """Whether a call at the path of both asks for a picture or for embeddings; ``None`` at other paths, and where its body tells nothing.

    A prompt for a model of another maker is for words, which are asked for by Converse here.
    """
    found = _LOCATED.search(urlsplit(call.url).path)
    if found is None or not found.string.endswith(found[0]):
        return None
    try:
        given = parse_request(call.body)
    except BadRequest:
        return None
    model = unquote(found[1])
    return "generate_image" if "prompt" in given and ("stability." in model or "." not in model) else "embed"


def _image(data: bytes) -> Image:
    return Image(data=data, media_type=sniff_image(data))


# --- the answer -------------------------------------------------------------------------------------------------------------------------


class _Answer(msgspec.Struct):
    images: list[str] | None = None
    finish_reasons: list[str | None] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decode_reply(reply: Reply, quirks: Quirks) -> Pictures:
    """The pictures. Raises the error that the answer tells, ``ContentFiltered`` where the rules took the picture, or ``BadReply``."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)
    told = parse(reply.body, _ANSWER)
    reason = next((one for one in told.finish_reasons or () if one), None)
    if reason is not None:
        kind = ContentFiltered if reason.startswith(_FILTERED) else BadReply
        raise kind(f"no picture was made: {reason}", body=snippet(reply.body))
    if not told.images:
        raise BadReply("the answer holds no pictures", body=snippet(reply.body))
    own = {name: value for name, value in parse_object(reply.body).items() if name not in _Answer.__struct_fields__}
    return Pictures(pictures=tuple(Picture(image=_decode_image(one)) for one in told.images), extra=as_extra(own))


def _decode_image(text: str) -> Image:
    try:
        return _image(decode_base64(text, "images"))
    except BadRequest:
        raise BadReply("a picture of the answer is no base64", body=text[:200]) from None


def encode_reply(pictures: Pictures, request: PictureRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``. Raises ``Unsupported`` for a picture that is elsewhere."""
    images = [encode_base64(one.image.data) for one in pictures.pictures if one.image.data is not None]
    if len(images) < len(pictures.pictures):
        raise Unsupported("pictures: this form holds their data, not where they are")
    body = {"finish_reasons": [None] * len(images), "images": images, **own_fields(pictures.extra)}
    return Reply(200, (("content-type", "application/json"),), dump(body))
