"""What emulated providers say where something besides an answer is asked of them (``wire.operations``): by rule, the same each time.

The rules are simple enough to be checked by hand. *Embeddings* are made of a text's words, so that texts which share words are near each
other. *Ranks* are the part of the query's words that a document has. A *picture* has one colour, made of its description, and the size
asked for. *Speech* is a tone of a tenth of a second for each piece of the text, a *transcription* says how long the sound was. A
*moderation* flags the category ``violence`` where the text says ``flag:violence``, and so with every other. *Tokens* are pieces (see
``pieces``), as in the usage of an answer. The *list of models* is the row's.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from dragoman.catalogue.schema import OPERATION_ABILITIES, Provider
from dragoman.core.embedding import Embeddings, EmbedInput, EmbedRequest, Tokens
from dragoman.core.errors import BadRequest
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.messages import Audio, Image, Message, Text
from dragoman.core.moderation import Moderation, ModerationRequest, Verdict
from dragoman.core.opaque import JsonObject
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.core.ranking import Ranked, Ranking, RankRequest
from dragoman.core.request import Request
from dragoman.core.sound import Speech, SpeechRequest, Spoken, Transcription, TranscriptionRequest
from dragoman.core.usage import Usage
from dragoman.emulator.answer import COUNTED_BY
from dragoman.emulator.media import WAV_HEAD_BYTES, png, wav, wav_seconds
from dragoman.emulator.pieces import count_messages, count_text
from dragoman.wire.operations import MODULES

Operated: TypeAlias = Callable[[Any], Any]
"""From an operation's request to its answer, both the core's; it may raise a ``DragomanError``, which the caller gets in its dialect."""

DIMENSIONS: Final = 64
"""How long a vector is where the caller does not say it."""
MAX_DIMENSIONS: Final = 4096
MAX_WORDS: Final = 256
"""So many different words of a text count, which bounds what a vector costs."""
MAX_PICTURES: Final = 10
PICTURE_SIZE: Final = (64, 64)
PIECE_S: Final = 0.1
MAX_SPEECH_S: Final = 60.0

_WORD: Final = re.compile(r"\w+")
_SIZE: Final = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")
_FLAG: Final = re.compile(r"\bflag:([a-z]+(?:[-/][a-z]+)*)")


class Asking(msgspec.Struct, frozen=True):
    """Where and when something is asked: the provider's row, the number of the request, the time in seconds since 1970."""

    row: Provider
    number: int
    now_s: int


def operations_of(row: Provider) -> tuple[str, ...]:
    """What is emulated of a row besides answers: what its dialect has and its abilities name; all of it where no ability is known."""
    having = [name for dialect, name in MODULES if dialect == row.dialect]
    return tuple(name for name in having if not row.abilities or OPERATION_ABILITIES.get(name) in (None, *row.abilities))


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def _texts(given: EmbedInput | Tokens) -> Iterable[str]:
    """The texts of an input; a token is one word, and so is a picture, made of its bytes or its address."""
    if isinstance(given, Tokens):
        return map(str, given.numbers)
    if isinstance(given, str):
        return (given,)
    return (part.text if isinstance(part, Text) else _digest(part.data or (part.url or "").encode()).hex() for part in given)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- texts ------------------------------------------------------------------------------------------------------------------------------


def embed(request: EmbedRequest, asking: Asking) -> Embeddings:
    """A vector of length 1 for each input."""
    count = DIMENSIONS if request.dimensions is None else request.dimensions
    if not 1 <= count <= MAX_DIMENSIONS:
        raise BadRequest(f"dimensions: {count} was given; a number from 1 to {MAX_DIMENSIONS} is allowed", param="dimensions")
    odd = [encoding for encoding in request.encodings if encoding not in ("float", "base64")]
    if odd:
        raise BadRequest(f"encodings: {odd[0]!r} was given; the emulator has float and base64", param="encodings")
    texts = [" ".join(_texts(one)) for one in request.inputs]
    usage = Usage(input_tokens=sum(map(count_text, texts)), raw=COUNTED_BY)
    return Embeddings(vectors=tuple(vector(text, count) for text in texts), model=request.model, usage=usage)


def vector(text: str, dimensions: int) -> tuple[float, ...]:
    """The sum of its words' vectors, each of which is made of the word's own hash."""
    total = [0.0] * dimensions
    for word, times in Counter(words(text) or [text]).most_common(MAX_WORDS):
        noise = hashlib.shake_256(word.encode()).digest(dimensions)
        total = [value + times * (byte - 127.5) for value, byte in zip(total, noise, strict=True)]
    length = math.hypot(*total) or 1.0
    return tuple(round(value / length, 8) for value in total)


def rank(request: RankRequest, asking: Asking) -> Ranking:
    """The documents, those first that have the most of the query's words."""
    wanted = set(words(request.query))
    shares = [len(wanted.intersection(words(document))) / (len(wanted) or 1) for document in request.documents]
    order = sorted(range(len(shares)), key=lambda i: -shares[i])[: request.top_n]
    results = tuple(Ranked(index=i, score=shares[i]) for i in order)
    return Ranking(results=results, id=f"rank-emulated-{asking.number}", model=request.model)


def moderate(request: ModerationRequest, asking: Asking) -> Moderation:
    """Flagged are those categories that an input names so: ``flag:violence``."""
    verdicts = tuple(_verdict(" ".join(_texts(one))) for one in request.inputs)
    return Moderation(verdicts=verdicts, id=f"modr-emulated-{asking.number}", model=request.model or "emulated")


def _verdict(text: str) -> Verdict:
    named = _FLAG.findall(text)
    return Verdict(flagged=bool(named), categories=dict.fromkeys(named, True), scores=dict.fromkeys(named, 1.0))


def count_tokens(request: Request, asking: Asking) -> Usage:
    """The same count that the usage of an answer tells."""
    return Usage(input_tokens=count_messages(request.messages), raw=COUNTED_BY)


def list_models(request: ListRequest, asking: Asking) -> Listing:
    """The row's models; a page begins behind the model that it is named for."""
    names = [model.name for model in asking.row.models]
    if request.page is not None and request.page not in names:
        raise BadRequest(f"page: {request.page!r} was given; the name of a listed model is expected", param="page")
    start = 0 if request.page is None else names.index(request.page) + 1
    end = len(names) if request.page_size is None else start + max(1, request.page_size)
    models = tuple(
        ListedModel(name=model.name, owner=asking.row.name, context_tokens=model.context_tokens, output_tokens=model.output_tokens)
        for model in asking.row.models[start:end]
    )
    return Listing(models=models, next_page=names[end - 1] if end < len(names) else None)


# --- pictures and sounds ----------------------------------------------------------------------------------------------------------------


def generate_image(request: PictureRequest, asking: Asking) -> Pictures:
    """PNGs, whatever form was asked for."""
    count = 1 if request.n is None else request.n
    if not 1 <= count <= MAX_PICTURES:
        raise BadRequest(f"n: {count} was given; a number from 1 to {MAX_PICTURES} is allowed", param="n")
    found = _SIZE.fullmatch(request.size or "")
    width, height = map(int, found.groups()) if found else PICTURE_SIZE
    pictures = (png(width, height, _digest(f"{i} {request.prompt}".encode())[:3]) for i in range(count))
    return Pictures(
        pictures=tuple(Picture(image=Image(data=data, media_type="image/png")) for data in pictures),
        created_s=asking.now_s,
        usage=_counted(count_text(request.prompt), len(request.images), count),
    )


def _counted(texts: int, images: int, made: int) -> Usage:
    """Counts in the form in which pictures' are told; a picture is one token."""
    parts: JsonObject = {"text_tokens": texts, "image_tokens": images}
    read = texts + images
    record: JsonObject = {"input_tokens": read, "output_tokens": made, "total_tokens": read + made, "input_tokens_details": parts}
    return Usage(input_tokens=read, output_tokens=made, raw=record)


def speak(request: SpeechRequest, asking: Asking) -> Speech:
    """A WAV, whatever form was asked for; its bare samples where those were."""
    pieces = count_text(request.text)
    sound = wav(min(MAX_SPEECH_S, pieces * PIECE_S / max(request.speed or 1.0, 0.01)))
    usage = Usage(input_tokens=pieces, raw=COUNTED_BY)
    if request.format == "pcm":
        return Speech(audio=Audio(data=sound[WAV_HEAD_BYTES:]), usage=usage)
    return Speech(audio=Audio(data=sound, media_type="audio/wav"), usage=usage)


def transcribe(request: TranscriptionRequest, asking: Asking) -> Transcription:
    """How long the sound was; of another form than WAV, how many bytes it had."""
    data = request.audio.data or b""
    lasts_s = wav_seconds(data)
    text = f"The sound has {len(data)} bytes." if lasts_s is None else f"The sound lasts {round(lasts_s, 2):g} seconds."
    duration_s = lasts_s or 0.0
    return Transcription(
        text=text,
        language=request.language,
        duration_s=lasts_s,
        segments=(Spoken(text=text, start_s=0.0, end_s=duration_s),),
        words=_timed(text.split(), duration_s) if "word" in request.timestamps else (),
        usage=Usage(raw={"type": "duration", "seconds": math.ceil(duration_s)}),
    )


def _timed(spoken: list[str], duration_s: float) -> tuple[Spoken, ...]:
    """Words, each as long as the others."""
    each_s = duration_s / len(spoken)
    return tuple(Spoken(text=word, start_s=i * each_s, end_s=(i + 1) * each_s) for i, word in enumerate(spoken))


ANSWERS: Final[dict[str, Callable[[Any, Asking], Any]]] = {
    "embed": embed,
    "rank": rank,
    "generate_image": generate_image,
    "speak": speak,
    "transcribe": transcribe,
    "moderate": moderate,
    "count_tokens": count_tokens,
    "list_models": list_models,
}
"""What is said to each operation."""

ANY_MODEL: Final = "any-model"
SAMPLES: Final[dict[str, Any]] = {
    "embed": EmbedRequest(model=ANY_MODEL, inputs=("a",)),
    "rank": RankRequest(model=ANY_MODEL, query="a", documents=("a",)),
    "generate_image": PictureRequest(model=ANY_MODEL, prompt="a"),
    "speak": SpeechRequest(model=ANY_MODEL, text="a"),
    "transcribe": TranscriptionRequest(model=ANY_MODEL, audio=Audio(data=b"a")),
    "moderate": ModerationRequest(model=ANY_MODEL, inputs=("a",)),
    "count_tokens": Request(model=ANY_MODEL, messages=(Message("user", (Text(text="a"),)),)),
    "list_models": ListRequest(),
}
"""The least that can be asked: where a dialect's client role would send it, its emulator answers."""
