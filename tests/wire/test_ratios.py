"""Sizes in pixels as ratios."""

from __future__ import annotations

import pytest

from dragoman.wire.ratios import measure, ratio


@pytest.mark.parametrize(
    ("size", "pixels"), [("1024x768", (1024, 768)), ("1x1", (1, 1)), ("auto", None), ("0x1", None), ("1:1", None), ("1x1x1", None)]
)
def test_size_in_pixels_is_read(size: str, pixels: tuple[int, int] | None) -> None:
    assert measure(size) == pixels


@pytest.mark.parametrize(
    ("width", "height", "known"), [(1024, 1024, "1:1"), (2100, 900, "21:9"), (1536, 1024, "3:2"), (1000, 999, None), (720, 1280, "9:16")]
)
def test_ratio_is_exactly_one_that_is_known(width: int, height: int, known: str | None) -> None:
    assert ratio(width, height, ("1:1", "3:2", "9:16", "21:9")) == known
