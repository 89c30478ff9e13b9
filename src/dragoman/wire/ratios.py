"""Sizes of pictures told in pixels, for wires that take a ratio of width to height."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_PIXELS: Final = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


def measure(size: str) -> tuple[int, int] | None:
    """Width and height of a size such as ``1024x768``, ``None`` for any other word."""
    pixels = _PIXELS.fullmatch(size)
    return None if pixels is None else (int(pixels[1]), int(pixels[2]))


def ratio(width: int, height: int, known: Iterable[str]) -> str | None:
    """The one of the ``known`` ratios, such as ``21:9``, that the measures have exactly."""
    return next((one for one in known if _has(width, height, one)), None)


def _has(width: int, height: int, told: str) -> bool:
    across, _, down = told.partition(":")
    return width * int(down) == height * int(across)
