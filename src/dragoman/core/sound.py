"""Text read aloud and speech written down: what is asked, and what comes back, free of any vendor's form."""

from __future__ import annotations

import msgspec

from dragoman.core.messages import Audio
from dragoman.core.opaque import Extra, Number
from dragoman.core.usage import Usage


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A text to read aloud. ``None`` means: not said, the target's own default holds."""

    model: str
    text: str
    voice: str | None = None
    format: str | None = None
    """The form of the sound wanted: ``mp3``, ``wav``, ``opus``, ``aac``, ``flac``, ``pcm``."""
    speed: Number | None = None
    """How fast, 1 being the voice's own pace."""
    instructions: str | None = None
    """How to read it, in words."""
    stream: bool = False
    """Whether the sound is wanted as events; it is one value either way."""
    extra: Extra = {}


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """The sound."""

    audio: Audio
    usage: Usage | None = None


class TranscriptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Speech to write down."""

    model: str
    audio: Audio
    name: str = "audio"
    """The file's name, by whose ending some services know its form."""
    language: str | None = None
    prompt: str | None = None
    """Words that went before, for names and style."""
    format: str | None = None
    """The form of the answer wanted: ``json``, ``verbose_json``, ``text``, ``srt``, ``vtt``."""
    temperature: Number | None = None
    timestamps: tuple[str, ...] = ()
    """What shall be told with its time: ``word``, ``segment``."""
    stream: bool = False
    extra: Extra = {}


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A word or a passage, with the seconds at which it begins and ends."""

    text: str
    start_s: float
    end_s: float
    extra: Extra = {}


class Transcription(msgspec.Struct, frozen=True, kw_only=True):
    """What was said."""

    text: str
    language: str | None = None
    duration_s: float | None = None
    segments: tuple[Spoken, ...] = ()
    words: tuple[Spoken, ...] = ()
    usage: Usage | None = None
    extra: Extra = {}
