"""Thinking that a model writes into its text between ``<think>`` and ``</think>``, told apart while the text arrives.

Many open models do so, and a server that does not know it passes the tags on. A tag may be cut at any character, so what could be the
beginning of one is held back until it is known. Blanks behind a tag belong to neither side and are dropped. A text that begins inside the
thinking, because the prompt's template held the opening tag, cannot be known for it and stays text, its closing tag with it.
"""

from __future__ import annotations

from typing import Final

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


class ThinkTags:
    """Splits one choice's text; each piece comes out as whether it is thinking, and the words."""

    def __init__(self) -> None:
        self._is_thinking = False
        self._held = ""
        self._after_tag = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """The pieces that are certain now."""
        out: list[tuple[bool, str]] = []
        text = self._held + text
        self._held = ""
        while text:
            tag = CLOSE if self._is_thinking else OPEN
            before, found, after = text.partition(tag)
            if found:
                self._add(out, before)
                self._is_thinking = not self._is_thinking
                self._after_tag = True
                text = after
            else:
                keep = _possible(text, tag)
                self._held = text[keep:]
                self._add(out, text[:keep])
                break
        return out

    def close(self) -> list[tuple[bool, str]]:
        """What was held back and is no tag after all."""
        out: list[tuple[bool, str]] = []
        self._add(out, self._held)
        self._held = ""
        return out

    def _add(self, out: list[tuple[bool, str]], text: str) -> None:
        if self._after_tag:
            text = text.lstrip()
        if text:
            self._after_tag = False
            out.append((self._is_thinking, text))


def _possible(text: str, tag: str) -> int:
    """Where the beginning of ``tag`` starts that stands at the end of ``text``; the end where none does."""
    start = text.rfind("<", max(0, len(text) - len(tag) + 1))
    return start if start >= 0 and tag.startswith(text[start:]) else len(text)
