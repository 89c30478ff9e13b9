"""Imagen, Google's older models for pictures: ``:predict`` of Vertex AI, in both roles. ``images`` calls it for models of that name.

Documentation: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api and the types of google-genai 3.4, read
2026-11-21. Google has announced the end of these models, and the Gemini Developer API has them no more. Only making a picture from words
is spoken: changing one has references, masks and modes of its own that no other vendor knows.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, ContentFiltered, Unsupported
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.messages import Image
from dragoman.core.opaque import JsonObject
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.wire.carried import foreign_fields
from dragoman.wire.gemini.parts import NAME, kept, merge, read_base64, without
from dragoman.wire.gemini.request import decode_path, encode_path
from dragoman.wire.gemini.sizes import decode_size, encode_size
from dragoman.wire.media import encode_base64
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

ROUTES: Final = (r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?/models/[^/]*imagen[^/]*:predict",)

_METHOD: Final = "predict"
_FIELD: Final = "parameters"
_RESOLUTION: Final = "sampleImageSize"
_TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg"}
_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


def speaks(model: str) -> bool:
    """Whether ``model`` is asked this way."""
    return "imagen" in model


def asked_for(call: Call) -> bool:
    return call.url.partition("?")[0].endswith(f":{_METHOD}")


def answered_by(reply: Reply) -> bool:
    """Whether an answer is one of these; inside of a text the word's quotes would be escaped."""
    return 200 <= reply.status < 300 and b'"predictions"' in reply.body


def encode_request(request: PictureRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said. Raises ``Unsupported`` for pictures to change."""
    if request.images or request.mask is not None:
        raise Unsupported("images: Imagen makes pictures from words alone; a Gemini model for pictures changes them")
    unsaid = [name for name in ("quality", "background", "user") if getattr(request, name) is not None]
    warnings = [f"{name}: not understood by this provider, left out" for name in unsaid]
    parameters = encode_size(request.size, _RESOLUTION, warnings)
    if request.n is not None:
        parameters["sampleCount"] = request.n
    if request.format is not None:
        parameters["outputOptions"] = {"mimeType": _TYPES.get(request.format, f"image/{request.format}")}
    body: JsonObject = {"instances": [{"prompt": request.prompt}], _FIELD: parameters}
    body = apply_quirks(merge(body, request.extra.get(NAME, {})), quirks, warnings)
    warnings.extend(foreign_fields(request, NAME))
    return Call("POST", encode_path(request.model, _METHOD, quirks), with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


class _Instance(msgspec.Struct):
    prompt: str


class _Output(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str | None = None


class _Parameters(msgspec.Struct, frozen=True, rename="camel"):
    sample_count: int | None = None
    output_options: _Output | None = None


class _Body(msgspec.Struct):
    instances: tuple[_Instance]
    parameters: _Parameters = _Parameters()


def decode_request(call: Call, quirks: Quirks) -> PictureRequest:
    """What a caller wants made. Raises ``BadRequest`` that names the field."""
    model, _, _ = decode_path(call.url)
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    told = body.parameters
    size, rest = decode_size(without(given.get(_FIELD) or {}, "sampleCount"), _RESOLUTION)
    mime_type = told.output_options.mime_type if told.output_options else None
    options = without((given.get(_FIELD) or {}).get("outputOptions") or {}, "mimeType")
    rest = {**without(rest, "outputOptions"), **({"outputOptions": options} if options else {})}
    own = {**without(given, "instances", _FIELD), **({_FIELD: rest} if rest else {})}
    instance = without(given["instances"][0], "prompt")
    return PictureRequest(
        model=model,
        prompt=body.instances[0].prompt,
        n=told.sample_count,
        size=size,
        format=None if mime_type is None else mime_type.removeprefix("image/"),
        extra=kept({**own, **({"instances": [{"prompt": body.instances[0].prompt, **instance}]} if instance else {})}),
    )


class _Prediction(msgspec.Struct, rename="camel"):
    bytes_base64_encoded: str | None = None
    gcs_uri: str | None = None
    mime_type: str | None = None
    prompt: str | None = None
    rai_filtered_reason: str | None = None


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decode_reply(reply: Reply, quirks: Quirks) -> Pictures:
    """The pictures of a successful answer. Raises ``ContentFiltered`` where the vendor's rules took every one, else ``BadReply``."""
    told = parse(reply.body, _ANSWER).predictions or []
    made = [one for one in told if one.bytes_base64_encoded or one.gcs_uri]
    refused = [one.rai_filtered_reason for one in told if one.rai_filtered_reason]
    if not made and refused:
        raise ContentFiltered(f"no picture was made: {refused[0]}", body=snippet(reply.body))
    if not made:
        raise BadReply("the answer holds no pictures", body=snippet(reply.body))
    own = without(parse_object(reply.body), "predictions")
    return Pictures(pictures=tuple(_decode_picture(one) for one in made), extra=kept({**own, **({"refused": refused} if refused else {})}))


def _decode_picture(told: _Prediction) -> Picture:
    if told.bytes_base64_encoded is None:
        return Picture(image=Image(url=told.gcs_uri, media_type=told.mime_type), revised_prompt=told.prompt)
    try:
        data = read_base64(told.bytes_base64_encoded)
    except ValueError:
        raise BadReply("a picture of the answer is no base64", body=told.bytes_base64_encoded[:200]) from None
    return Picture(image=Image(data=data, media_type=told.mime_type), revised_prompt=told.prompt)


def encode_reply(pictures: Pictures, request: PictureRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    own = dict(pictures.extra.get(NAME, {}))
    refused = [{"raiFilteredReason": reason} for reason in own.pop("refused", ())]
    predictions = [*(_encode_picture(one) for one in pictures.pictures), *refused]
    return Reply(200, (("content-type", "application/json; charset=UTF-8"),), dump({"predictions": predictions, **own}))


def _encode_picture(given: Picture) -> JsonObject:
    image = given.image
    told: JsonObject = {"gcsUri": image.url} if image.data is None else {"bytesBase64Encoded": encode_base64(image.data)}
    named = {"mimeType": image.media_type or "image/png", "prompt": given.revised_prompt}
    return {**told, **{name: value for name, value in named.items() if value is not None}}
