"""What an import has to say: what was lost, and what to look at, each by its path in the YAML. No key is told."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.gateway.config.form import shown_place
from dragoman.gateway.config.toml_lines import Place


class Notes:
    """Collects them in the order of the file."""

    def __init__(self) -> None:
        self._lost: dict[tuple[str, Place, str], list[int]] = {}
        self._advice: dict[tuple[str, Place, str], list[int]] = {}

    def lost(self, place: Place, reason: str) -> None:
        """Something has no place here."""
        _put(self._lost, place, reason)

    def advice(self, place: Place, words: str) -> None:
        """Something was carried, and deserves a look."""
        _put(self._advice, place, words)

    def all_lost(self) -> tuple[str, ...]:
        return tuple(_lines(self._lost))

    def all_advice(self) -> tuple[str, ...]:
        return tuple(_lines(self._advice))


def _put(notes: dict[tuple[str, Place, str], list[int]], place: Place, words: str) -> None:
    """What holds for several entries of a list is told once, with their numbers."""
    if len(place) > 1 and isinstance(place[1], int):
        notes.setdefault((str(place[0]), place[2:], words), []).append(place[1])
    else:
        notes.setdefault(("", place, words), [])


def _lines(notes: dict[tuple[str, Place, str], list[int]]) -> Iterator[str]:
    for (name, place, words), numbers in notes.items():
        listed = f"{name}[{', '.join(map(str, dict.fromkeys(numbers)))}]" if numbers else ""
        inside = shown_place(place)
        yield f"{listed}{'.' if listed and inside else ''}{inside}: {words}"
