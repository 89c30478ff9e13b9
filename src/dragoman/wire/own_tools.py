"""Tools that a vendor runs itself, among those of the caller.

A request of ours holds the caller's alone. The vendor's stand in ``extra``, with their places among all tools where they are not the last:
the order counts, because the prompt cache reads a prefix.
"""

from __future__ import annotations

from dragoman.core.opaque import Json, JsonObject


def join_tools(tools: list[JsonObject], own: Json, places: Json) -> list[JsonObject]:
    """All tools, the vendor's own at their places, or behind the others where those are not told or do not fit."""
    if not isinstance(own, list):
        return tools
    if not isinstance(places, list) or len(places) != len(own) or not all(isinstance(place, int) for place in places):
        return tools + own
    joined = list(tools)
    for place, tool in zip(places, own, strict=True):
        joined.insert(place, tool)
    return joined


def places_to_tell(places: list[int], count: int) -> list[int] | None:
    """``places`` of the vendor's own among ``count`` tools, or ``None`` where they are the last."""
    return None if places == list(range(count - len(places), count)) else places
