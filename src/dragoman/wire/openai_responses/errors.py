"""Errors of Responses: OpenAI's own records, plus those that a stream tells by ``error`` and ``response.failed``."""

from __future__ import annotations

from typing import Final

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_chat.errors import CODES as CHAT_CODES
from dragoman.wire.openai_chat.errors import body_error, decode_error, encode_error, error_record, find_fault
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify

__all__ = ["CODES", "body_error", "decode_error", "encode_error", "error_fields", "error_record", "told_error"]

_OF_IMAGES: Final = (
    *("invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small"),
    *("image_parse_error", "invalid_image_mode", "image_file_too_large", "unsupported_image_media_type", "empty_image_file"),
    *("failed_to_download_image", "image_file_not_found"),
)

CODES: Final[dict[str, type[DragomanError]]] = {
    **CHAT_CODES,
    **dict.fromkeys(_OF_IMAGES, errors.BadRequest),
    "invalid_prompt": errors.ContentFiltered,
    "bio_policy": errors.ContentFiltered,
    "misalignment_policy_violation": errors.ContentFiltered,
    "image_content_policy_violation": errors.ContentFiltered,
    "data_residency_mismatch": errors.BadRequest,
    "vector_store_timeout": errors.ServerFault,
    "slow_down": errors.Overloaded,
}
"""The codes of chat and those of a failed response. ``invalid_prompt`` is the vendor's word for a prompt against its usage policy."""


def told_error(record: JsonObject, body: str, quirks: Quirks) -> DragomanError:
    """The error told inside an answer that began as a success: ``error`` within ``record``, or ``record`` itself in the flat form."""
    told: Json = record.get("error")
    if not told:
        told = {name: record.get(name) for name in ("message", "code", "param")}
    fault = find_fault({"error": told}, None, body)
    return classify(fault or Fault(message="the service reports an error without a word about it", body=body), CODES, quirks)


def error_fields(error: DragomanError) -> JsonObject:
    """``error`` as ``type``, ``code``, ``message`` and ``param``."""
    fields: JsonObject = error_record(error)["error"]
    return fields
