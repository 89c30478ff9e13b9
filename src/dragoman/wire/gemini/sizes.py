"""Gemini: how large a picture is to be: a ratio and a resolution (``1K``, ``2K``, ``4K``), never a number of pixels."""

from __future__ import annotations

from typing import Final

from dragoman.core.opaque import JsonObject
from dragoman.wire.gemini.parts import without
from dragoman.wire.ratios import measure, ratio

RATIOS: Final = ("1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9")
"""The ratios of width to height that the vendor's models know, though not each of them."""
_RESOLUTIONS: Final = ((4096, "4K"), (2048, "2K"))
"""From how many pixels of the longer side on a resolution is asked for; ``1K`` is every model's own, and some know no other."""


def encode_size(size: str | None, resolution_field: str, warnings: list[str]) -> JsonObject:
    """The fields for a size: a ratio, a resolution in the vendor's word, or pixels, which become both as well as they can."""
    if size is None:
        return {}
    if ":" in size:
        return {"aspectRatio": size}
    pixels = measure(size)
    if pixels is None:
        return {resolution_field: size}
    asked = ratio(*pixels, RATIOS)
    if asked is None:
        warnings.append(f"size: {size} has none of this provider's ratios, left out; they are {', '.join(RATIOS)}")
        return {}
    resolution = next((word for least, word in _RESOLUTIONS if max(pixels) >= least), None)
    said = asked if resolution is None else f"{asked} at {resolution}"
    warnings.append(f"size: this provider takes a ratio and a resolution; {said} is asked for")
    return {"aspectRatio": asked, **({resolution_field: resolution} if resolution else {})}


def decode_size(form: JsonObject, resolution_field: str) -> tuple[str | None, JsonObject]:
    """The size that the fields say, the ratio before the resolution, and the fields that are left."""
    field = next((name for name in ("aspectRatio", resolution_field) if isinstance(form.get(name), str)), None)
    return (None, form) if field is None else (form[field], without(form, field))
