"""Subtitles, both ways: SubRip (``.srt``) and WebVTT (https://www.w3.org/TR/webvtt1/, read 2026-11-21), as far as speech to text goes."""

from __future__ import annotations

import re
from typing import Final

from dragoman.core.sound import Spoken, Transcription

_TIMES: Final = re.compile(r"^((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{3})[ \t]+-->[ \t]+((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{3})", re.M)


def encode_subtitles(transcription: Transcription, is_vtt: bool) -> str:
    """Every passage as a cue; a text without passages is one cue as long as the sound."""
    passages = transcription.segments
    if not passages and transcription.text:
        passages = (Spoken(text=transcription.text, start_s=0.0, end_s=transcription.duration_s or 0.0),)
    cues = []
    for number, one in enumerate(passages, 1):
        times = f"{_clock(one.start_s, is_vtt)} --> {_clock(one.end_s, is_vtt)}"
        text = "\n".join(filter(None, (line.strip() for line in one.text.splitlines())))
        cues.append(f"{times}\n{text}\n" if is_vtt else f"{number}\n{times}\n{text}\n")
    return "\n".join(["WEBVTT\n", *cues] if is_vtt else cues)


def _clock(seconds: float, is_vtt: bool) -> str:
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{'.' if is_vtt else ','}{rest:03}"


def decode_subtitles(text: str) -> tuple[Spoken, ...]:
    """The cues of a text in either form; none where it is no subtitles."""
    lines = text.replace("\r\n", "\n").lstrip("\ufeff").strip()
    if not lines.startswith("WEBVTT") and not re.match(r"\d+[ \t]*\n\d", lines):
        return ()
    passages = []
    for block in re.split(r"\n[ \t]*\n", lines):
        found = _TIMES.search(block)
        if found:
            _, _, words = block[found.end() :].partition("\n")
            passages.append(Spoken(text=words.strip(), start_s=_seconds(found.group(1)), end_s=_seconds(found.group(2))))
    return tuple(passages)


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.replace(",", ".").split(":"):
        seconds = seconds * 60 + float(part)
    return round(seconds, 3)
