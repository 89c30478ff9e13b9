"""An answer painted on a terminal while it comes: Markdown block by block, thinking dimmed, a clock until the first word.

Painting has a thread of its own, so that words which arrived are shown even when nothing follows them, and so that Ctrl-C, which Python
raises in the main thread, never falls between the halves of an escape sequence.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal

from dragoman.cli.blocks import split_final
from dragoman.cli.region import Region
from dragoman.cli.screen import without_controls
from dragoman.core.events import Event, ReasoningDelta

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Kind = Literal["text", "reasoning"]

_INTERVAL_S: Final = 0.05
_REST: Final = 4
"""Painting may take one part of the time in so many: a huge block is painted less often, and reading goes on."""
_SILENCE_S: Final = 0.3
_WHEEL: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Painter:
    """Paints one answer; a context manager round the reading of its events."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._region = Region(self._write, lambda: (console.size.width, console.size.height), _width_of)
        self._lock = threading.Lock()
        self._pending: list[tuple[Kind, str]] = []
        self._kind: Kind = "text"
        self._rest = ""
        self._begun_s = time.monotonic()
        self._has_words = False
        self._has_rows = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="painter", daemon=True)

    def take(self, event: Event) -> None:
        """Note what ``event`` says; it is painted at the next turn."""
        if isinstance(event, ReasoningDelta):
            self._note("reasoning", event.reasoning)
        elif event.text:
            self._note("text", event.text)

    def _note(self, kind: Kind, words: str) -> None:
        with self._lock:
            self._pending.append((kind, words))

    def __enter__(self) -> Painter:
        self._begun_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        try:
            self._paint(last=True)
        finally:
            self._region.close()

    # --- the painting thread

    def _run(self) -> None:
        wait_s = _INTERVAL_S
        while not self._stop.wait(wait_s):
            begun_s = time.monotonic()
            self._paint()
            wait_s = max(_INTERVAL_S, _REST * (time.monotonic() - begun_s))

    def _paint(self, *, last: bool = False) -> None:
        with self._lock:
            pending, self._pending = self._pending, []
        if not pending and not last:
            if not self._has_words:
                self._region.draw([], self._clock())
            return
        settled: list[str] = []
        for kind, words in pending:
            if kind != self._kind:
                settled += self._settle_all()
                self._kind = kind
            self._rest += without_controls(words)
            self._has_words = self._has_words or bool(self._rest.strip())
        settled += self._settle_all() if last else self._settle_final()
        self._region.draw(settled, self._rows(self._rest))

    def _clock(self) -> list[str]:
        waited_s = time.monotonic() - self._begun_s
        if waited_s < _SILENCE_S:
            return []
        from rich.text import Text

        return self._lines(Text(f"{_WHEEL[int(waited_s * 10) % len(_WHEEL)]} {waited_s:.0f} s", "dim"))

    # --- words to rows

    def _settle_final(self) -> list[str]:
        if self._kind == "reasoning":
            final, _, self._rest = self._rest.rpartition("\n\n")
        else:
            final, self._rest = split_final(self._rest)
        return self._settled(final)

    def _settle_all(self) -> list[str]:
        text, self._rest = self._rest, ""
        return self._settled(text)

    def _settled(self, text: str) -> list[str]:
        rows = self._rows(text)
        self._has_rows = self._has_rows or bool(rows)
        return rows

    def _rows(self, text: str) -> list[str]:
        """``text`` painted, with the blank line that parts it from what stands above."""
        rows = self._lines(self._renderable(text)) if text.strip() else []
        return ["", *rows] if rows and self._has_rows else rows

    def _renderable(self, text: str) -> RenderableType:
        if self._kind == "text":
            from rich.markdown import Markdown

            return Markdown(text)
        from rich.text import Text

        return Text(text.strip("\n"), "dim italic")

    def _lines(self, renderable: RenderableType) -> list[str]:
        with self._console.capture() as captured:
            self._console.print(renderable)
        lines = [line.rstrip(" ") for line in captured.get().split("\n")]
        while lines and not _width_of(lines[-1]):
            lines.pop()
        while lines and not _width_of(lines[0]):
            lines.pop(0)
        return lines

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


def _width_of(row: str) -> int:
    from rich.text import Text

    return Text.from_ansi(row).cell_len
