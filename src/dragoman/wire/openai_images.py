"""OpenAI's pictures, in both roles: ``/images/generations`` from words, ``/images/edits`` from words and pictures.

Documentation: https://platform.openai.com/docs/api-reference/images, read 2026-11-21. An edit is a form with files; several pictures have
the field ``image[]``, one has ``image``. Pictures by their address or as uploaded files are named in a JSON body instead, in ``images``
(its description, 2.3.0: ``EditImageBodyJsonParam``). The answer tells the file's form once for all, or not at all.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.messages import Image
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.wire.carried import ABOUT_THE_WIRE, foreign
from dragoman.wire.media import decode_base64, decode_data_url, encode_base64, encode_data_url, sniff_image
from dragoman.wire.multipart import Field, decode_form, encode_form
from dragoman.wire.openai_call import NAME, answer, counted, json_call, json_reply, path_of, rest, routes
from dragoman.wire.openai_chat.request import with_deployment
from dragoman.wire.payload import convert, dump, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/images/generations"
EDITS_PATH: Final = "/images/edits"
ROUTES: Final = (*routes(PATH), *routes(EDITS_PATH))

_OPTIONS: Final = {
    "n": "n",
    "size": "size",
    "quality": "quality",
    "background": "background",
    "format": "output_format",
    "user": "user",
}
"""Our names and OpenAI's."""
_LISTED: Final = re.compile(r"\[\d*\]$")
"""What a form's field that is one of a list may end with; Ruby's clients number them."""
_TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "svg": "image/svg+xml"}


class _Body(msgspec.Struct):
    prompt: str
    model: str = ""
    n: int | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    user: str | None = None


class _Picture(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Answer(msgspec.Struct):
    data: list[_Picture] | None = None
    created: int | float | None = None
    output_format: str | None = None
    usage: JsonObject | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_KNOWN: Final = frozenset({"data", "created", "usage"})


def encode_request(request: PictureRequest, quirks: Quirks) -> Call:
    """The call for ``request``: an edit where it holds pictures."""
    body: JsonObject = {"prompt": request.prompt}
    if request.model:
        body["model"] = request.model
    body |= {theirs: value for ours, theirs in _OPTIONS.items() if (value := getattr(request, ours)) is not None}
    if not request.images:
        if request.mask is not None:
            raise BadRequest("mask: it was given without a picture", param="mask")
        return json_call(PATH, request.model, body, request.extra, quirks, [])
    if any(image.data is None for image in (*request.images, *((request.mask,) if request.mask else ()))):
        body["images"] = [_named(image) for image in request.images]
        if request.mask is not None:
            body["mask"] = _named(request.mask)
        return json_call(EDITS_PATH, request.model, body, request.extra, quirks, [])
    files = [_file("image" if len(request.images) == 1 else "image[]", image, i) for i, image in enumerate(request.images)]
    if request.mask is not None:
        files.append(_file("mask", request.mask, 0))
    return form_call(EDITS_PATH, request.model, body, files, request.extra, quirks)


def form_call(path: str, model: str, body: JsonObject, files: list[Field], extra: Extra, quirks: Quirks) -> Call:
    """A call whose body is a form: the fields of ``body`` as text, and files. A list is one field for each of its items."""
    fields: list[Field] = []
    for name, value in {**body, **extra.get(NAME, {})}.items():
        if isinstance(value, list):
            fields.extend(Field(f"{name}[]", _plain(one)) for one in value)
        else:
            fields.append(Field(name, _plain(value)))
    content_type, data = encode_form([*fields, *files])
    headers = with_headers((("content-type", content_type), ("accept", "application/json")), quirks.headers)
    return Call("POST", path_of(path, model, quirks), headers, data, tuple(foreign(extra, "extra", NAME, ABOUT_THE_WIRE)))


def _plain(value: Json) -> bytes:
    return value.encode() if isinstance(value, str) else dump(value)


def _named(image: Image) -> JsonObject:
    """A picture in a JSON body."""
    if image.file_id is not None:
        return {"file_id": image.file_id}
    return {"image_url": image.url if image.data is None else encode_data_url(image.data, _media_type(image.data, image))}


def _media_type(data: bytes, image: Image) -> str:
    return image.media_type or sniff_image(data) or "image/png"


def _file(name: str, image: Image, position: int) -> Field:
    data = image.data or b""
    media_type = _media_type(data, image)
    return Field(name, data, f"{position}.{media_type.rpartition('/')[2]}", media_type)


def decode_request(call: Call, quirks: Quirks) -> PictureRequest:
    """What a caller wants made. Raises ``BadRequest`` that names the field."""
    if not call.url.partition("?")[0].endswith(EDITS_PATH):
        return _request(with_deployment(parse_request(call.body), call.url), (), None)
    if call.body.lstrip()[:1] == b"{":
        return _decode_named(with_deployment(parse_request(call.body), call.url))
    fields = decode_form(call.headers, call.body)
    images = tuple(_image(field) for field in fields if _LISTED.sub("", field.name) == "image")
    if not images:
        raise BadRequest("image: it is missing; a file is expected", param="image")
    mask = next((_image(field) for field in fields if field.name == "mask"), None)
    return _request(with_deployment(form_values(fields), call.url), images, mask)


def _decode_named(given: JsonObject) -> PictureRequest:
    """An edit of pictures that a JSON body names."""
    listed, mask = given.pop("images", None), given.pop("mask", None)
    if not isinstance(listed, list) or not listed:
        raise BadRequest("images: a list of at least one picture is expected", param="images")
    images = tuple(_decode_name(one, f"images[{i}]") for i, one in enumerate(listed))
    return _request(given, images, None if mask is None else _decode_name(mask, "mask"))


def _decode_name(given: Json, where: str) -> Image:
    match given:
        case {"file_id": str(name)}:
            return Image(file_id=name)
        case {"image_url": str(url)} | {"url": str(url)} if url.startswith("data:"):  # the second is xAI's form
            data, media_type = decode_data_url(url, where)
            return Image(data=data, media_type=media_type)
        case {"image_url": str(url)} | {"url": str(url)}:
            return Image(url=url)
        case _:
            raise BadRequest(f"{where}: image_url or file_id is expected", param=where)


def form_values(fields: list[Field]) -> JsonObject:
    """The fields that are no files; those named as a list, or said again, are one."""
    given: JsonObject = {}
    for field in fields:
        if field.file_name is None:
            name = _LISTED.sub("", field.name)
            if name != field.name or isinstance(given.get(name), list):
                given.setdefault(name, []).append(field.text)
            else:
                given[name] = field.text
    return given


def _image(field: Field) -> Image:
    return Image(data=field.data, media_type=field.media_type or sniff_image(field.data))


def _request(given: JsonObject, images: tuple[Image, ...], mask: Image | None) -> PictureRequest:
    if isinstance(given.get("n"), str):
        given["n"] = int(given["n"]) if given["n"].isdecimal() else given["n"]
    body = convert(given, _Body, "the request body")
    options = {ours: getattr(body, theirs) for ours, theirs in _OPTIONS.items()}
    extra = rest(given, _Body.__struct_fields__)
    return PictureRequest(model=body.model, prompt=body.prompt, images=images, mask=mask, extra=extra, **options)


def decode_reply(reply: Reply, quirks: Quirks) -> Pictures:
    """The pictures. Raises the error that the answer tells, or ``BadReply``."""
    told = answer(reply, _ANSWER, quirks)
    if told.data is None:
        raise BadReply("the answer holds no pictures", body=snippet(reply.body))
    media_type = _TYPES.get(told.output_format or "")
    return Pictures(
        pictures=tuple(Picture(image=_decode_picture(one, media_type, reply), revised_prompt=one.revised_prompt) for one in told.data),
        created_s=int(told.created) if told.created else None,
        usage=counted(told.usage),
        extra=rest(parse_object(reply.body), _KNOWN),
    )


def _decode_picture(given: _Picture, media_type: str | None, reply: Reply) -> Image:
    if given.b64_json is None:
        if not given.url:
            raise BadReply("the answer holds a picture without data or address", body=snippet(reply.body))
        return Image(url=given.url)
    try:
        data = decode_base64(given.b64_json, "picture")
    except BadRequest:
        raise BadReply("a picture of the answer is no base64", body=snippet(reply.body)) from None
    return Image(data=data, media_type=media_type or sniff_image(data))


def encode_reply(pictures: Pictures, request: PictureRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    body: JsonObject = {"created": pictures.created_s or 0, "data": [_encode_picture(one) for one in pictures.pictures]}
    usage = pictures.usage
    if usage is not None and usage.raw and "input_tokens_details" in usage.raw:
        body["usage"] = usage.raw
    return json_reply({**body, **pictures.extra.get(NAME, {})})


def _encode_picture(given: Picture) -> JsonObject:
    image = given.image
    told: JsonObject = {"url": image.url} if image.data is None else {"b64_json": encode_base64(image.data)}
    return told if given.revised_prompt is None else {**told, "revised_prompt": given.revised_prompt}
