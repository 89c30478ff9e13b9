"""What can be asked besides an answer: what the caller gives becomes a request of the core, and the core's value what the caller gets.

Each operation is one record: its name in ``wire.operations`` and the type of its answer, which is the core's with what the library knows
besides (the provider, what it could not be told, the price). How it is sent and received is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET

from dragoman.attachments import attached
from dragoman.catalogue.load import Catalogue, nearest
from dragoman.catalogue.schema import Provider
from dragoman.core import embedding, listing, moderation, picture, ranking, sound
from dragoman.core.errors import UsageError
from dragoman.core.listing import ListedModel
from dragoman.core.messages import Audio, File, Image, Text
from dragoman.core.opaque import JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.flow.effects import Flow
from dragoman.flow.whole import Whole
from dragoman.prompts import CALL_OPTIONS, CallOptions, Options, converted, sayable
from dragoman.response import PriceList, cost_of, tier_in

Answer = TypeVar("Answer", bound=msgspec.Struct)

Embeddable: TypeAlias = str | Path | bytes | Text | Image
EmbedInputs: TypeAlias = Embeddable | Sequence[Embeddable | Sequence[Embeddable]]
"""What becomes one vector, or a list of such things; a list inside it is pieces that become one vector together."""
Sound: TypeAlias = Path | bytes | Audio
Picture: TypeAlias = Path | bytes | str | Image
"""A picture: a file to read, its bytes, an address, or a part."""

MAX_PAGES: Final = 100
"""How far a list of models is followed."""


# --- answers ----------------------------------------------------------------------------------------------------------------------------


class Priced:
    """What answers with token counts share."""

    __slots__ = ()
    provider: str | None
    requested_model: str | None
    prices: PriceList

    @property
    def cost(self) -> Decimal | None:
        """What it cost in US dollars; ``None`` where its usage or its price is not known."""
        models = (getattr(self, "model", None), self.requested_model)
        return cost_of(self.provider, models, getattr(self, "usage", None), self.prices, tier_in(getattr(self, "extra", {})))


class Embeddings(Priced, embedding.Embeddings, frozen=True, kw_only=True):
    """Vectors, in the order of the inputs."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()
    prices: PriceList = UNSET


class Ranking(ranking.Ranking, frozen=True, kw_only=True):
    """Documents by their places among those given, the best first."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()


class Pictures(Priced, picture.Pictures, frozen=True, kw_only=True):
    """The pictures that were made."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()
    prices: PriceList = UNSET

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures alone, without what the vendor says of them."""
        return tuple(one.image for one in self.pictures)


class Transcription(Priced, sound.Transcription, frozen=True, kw_only=True):
    """What was said."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()
    prices: PriceList = UNSET

    def __str__(self) -> str:
        return self.text


class Speech(Priced, sound.Speech, frozen=True, kw_only=True):
    """A text read aloud."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()
    prices: PriceList = UNSET

    @property
    def data(self) -> bytes:
        """The sound's bytes, as a file would hold them."""
        return self.audio.data or b""


class Moderation(moderation.Moderation, frozen=True, kw_only=True):
    """The verdicts, in the order of the inputs."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether anything breaks the rules."""
        return any(verdict.flagged for verdict in self.verdicts)


class TokenCount(Usage, frozen=True, kw_only=True):
    """How many tokens a prompt has, in ``input_tokens``."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()


class Listing(listing.Listing, frozen=True, kw_only=True):
    """The models that a provider names."""

    provider: str | None = None
    requested_model: str | None = None
    warnings: tuple[str, ...] = ()


# --- options ----------------------------------------------------------------------------------------------------------------------------


class EmbedOptions(CallOptions, total=False):
    """What may be said of ``embed``."""

    dimensions: int
    """How long the vectors shall be, where the model offers a choice."""
    purpose: str
    """What they are for: ``query``, ``document``, ``classification``, ``clustering``, or a vendor's own word."""
    encodings: Sequence[str]
    """Number forms (``float``, ``int8``, ``base64`` …); others than ``float`` come in ``extra``."""
    user: str
    extra: dict[str, JsonObject]


class RerankOptions(CallOptions, total=False):
    """What may be said of ``rerank``."""

    top_n: int
    """How many documents to name; all where it is not said."""
    extra: dict[str, JsonObject]


class ImageOptions(CallOptions, total=False):
    """What may be said of ``generate_image``."""

    images: Picture | Sequence[Picture]
    """Pictures to make the new one out of."""
    mask: Picture
    """Which places of the first picture may change: those that are transparent here."""
    n: int
    size: str
    """Width and height in pixels, such as ``1024x1024``."""
    quality: str
    background: str
    format: str
    """``png``, ``jpeg``, ``webp``."""
    user: str
    extra: dict[str, JsonObject]


class TranscribeOptions(CallOptions, total=False):
    """What may be said of ``transcribe``."""

    language: str
    prompt: str
    """Words that went before, for names and style."""
    format: str
    """``json``, ``verbose_json``, ``text``, ``srt``, ``vtt``."""
    temperature: float
    timestamps: Sequence[str]
    """What shall be told with its time: ``word``, ``segment``."""
    extra: dict[str, JsonObject]


class SpeakOptions(CallOptions, total=False):
    """What may be said of ``speak``."""

    voice: str
    format: str
    """``mp3``, ``wav``, ``opus``, ``aac``, ``flac``, ``pcm``."""
    speed: float
    instructions: str
    """How to read it, in words."""
    extra: dict[str, JsonObject]


class ModerateOptions(CallOptions, total=False):
    """What may be said of ``moderate``."""

    extra: dict[str, JsonObject]


# --- operations -------------------------------------------------------------------------------------------------------------------------


class Operation(msgspec.Struct, Generic[Answer], frozen=True):
    """What is asked for by ``name``, and of which types request, answer and options are."""

    name: str
    asked: type[msgspec.Struct]
    answer: type[Answer]
    options: type = CallOptions
    needs_model: bool = True
    """Whether a model must be named, or a provider alone may be."""

    def request(self, options: Mapping[str, Any], **given: Any) -> msgspec.Struct:
        """The request that ``given`` and ``options`` mean; an option that is ``None`` is not said. Raises ``UsageError`` with its name."""
        allowed = self.options.__annotations__
        for name in sorted(options.keys() - allowed.keys()):
            raise UsageError(f"{name}: no such option; {nearest(name, sorted(allowed))}")
        said = {name: value for name, value in options.items() if name not in CALL_OPTIONS and value is not None}
        return converted({name: sayable(value, name) for name, value in {**said, **given}.items()}, self.asked)

    def at(self, catalogue: Catalogue, model: str) -> tuple[Provider, str]:
        """The provider, and its own name of the model. Raises ``UnknownModel``."""
        if not isinstance(model, str):
            raise UsageError(f"model: {type(model).__name__} was given; a string is expected")
        if "/" not in model and not self.needs_model:
            return catalogue.provider(model), ""
        return catalogue.resolve(model)


class Exchange(msgspec.Struct, Generic[Answer], frozen=True):
    """An operation on its way: the flow to run, and the answer once that has ended well."""

    flow: Flow[None]
    whole: Whole[Any]
    kind: type[Answer]
    provider: Provider
    model: str
    warnings: tuple[str, ...]

    def answer(self) -> Answer:
        """The core's answer as the library's."""
        told = self.whole.value
        fields = {name: getattr(told, name) for name in told.__struct_fields__}
        fields |= {"provider": self.provider.name, "requested_model": self.model or None, "warnings": self.warnings}
        if issubclass(self.kind, Priced):
            fields["prices"] = self.provider.prices
        return self.kind(**fields)


EMBED: Final = Operation("embed", embedding.EmbedRequest, Embeddings, EmbedOptions)
RERANK: Final = Operation("rank", ranking.RankRequest, Ranking, RerankOptions)
GENERATE_IMAGE: Final = Operation("generate_image", picture.PictureRequest, Pictures, ImageOptions)
TRANSCRIBE: Final = Operation("transcribe", sound.TranscriptionRequest, Transcription, TranscribeOptions)
SPEAK: Final = Operation("speak", sound.SpeechRequest, Speech, SpeakOptions)
MODERATE: Final = Operation("moderate", moderation.ModerationRequest, Moderation, ModerateOptions, needs_model=False)
COUNT_TOKENS: Final = Operation("count_tokens", Request, TokenCount, Options)
LIST_MODELS: Final = Operation("list_models", listing.ListRequest, Listing, needs_model=False)


# --- what a caller gives ----------------------------------------------------------------------------------------------------------------


def texts(given: object, name: str) -> tuple[str, ...]:
    """A list of texts. Raises ``UsageError``: one text would be taken for a list of letters."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise UsageError(f"{name}: {type(given).__name__} was given; a list of strings is expected")
    items = tuple(given)
    if not items:
        raise UsageError(f"{name}: the list is empty; at least one is expected")
    return items


def embed_inputs(given: EmbedInputs) -> tuple[embedding.EmbedInput, ...]:
    """Each thing that becomes a vector. Raises ``UsageError`` that names its place."""
    if isinstance(given, (str, Path, bytes, Text, Image)):
        return (_embed_input(given, "inputs"),)
    if not isinstance(given, Sequence):
        raise UsageError(f"inputs: {type(given).__name__} was given; a text, a picture or a list of them is expected")
    if not given:
        raise UsageError("inputs: the list is empty; at least one is expected")
    return tuple(_embed_input(one, f"inputs[{i}]") for i, one in enumerate(given))


def _embed_input(given: object, where: str) -> embedding.EmbedInput:
    if isinstance(given, str):
        return given
    if isinstance(given, Sequence) and not isinstance(given, (bytes, bytearray)):
        if not given:
            raise UsageError(f"{where}: the list is empty; at least one is expected")
        return tuple(_embed_part(piece, f"{where}[{i}]") for i, piece in enumerate(given))
    return (_embed_part(given, where),)


def _embed_part(given: object, where: str) -> Text | Image:
    if isinstance(given, str):
        return Text(text=given)
    part = attached(given, where) if isinstance(given, (Path, bytes)) else given
    if not isinstance(part, (Text, Image)):
        raise UsageError(f"{where}: {type(part).__name__} was given; a text or a picture is expected")
    return part


def image_of(given: Picture | None, name: str) -> Image | None:
    """A picture to work on. Raises ``UsageError`` where it is none."""
    if given is None:
        return None
    part = attached(given, name) if isinstance(given, (Path, bytes, str)) else given
    if not isinstance(part, Image):
        raise UsageError(f"{name}: {type(part).__name__} was given; a picture is expected")
    return part


def images_of(given: Picture | Sequence[Picture] | None) -> tuple[Image | None, ...]:
    """Pictures to work on, one or a list."""
    if given is None:
        return ()
    several = [given] if isinstance(given, (Path, bytes, str, Image)) else given
    if not isinstance(several, Sequence):
        raise UsageError(f"images: {type(several).__name__} was given; a picture or a list of them is expected")
    return tuple(image_of(one, f"images[{i}]") for i, one in enumerate(several))


def sound_of(given: Sound) -> tuple[Audio, str]:
    """A sound to write down, and its file's name, by whose ending some services know its form. Raises ``UsageError``."""
    part = attached(given, "audio") if isinstance(given, (Path, bytes)) else given
    if isinstance(part, File) and (part.media_type or "").startswith("video/"):
        part = Audio(data=part.data, media_type=part.media_type)  # services take a film for what is said in it
    if not isinstance(part, Audio):
        raise UsageError(f"audio: {type(part).__name__} was given; a pathlib.Path or the bytes of a sound, or an Audio, is expected")
    return part, given.name if isinstance(given, Path) else f"audio.{_ENDINGS.get(part.media_type or '', 'wav')}"


_ENDINGS: Final = {
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/webm": "webm",
    "video/mp4": "mp4",
}


# --- lists in pages ---------------------------------------------------------------------------------------------------------------------


def next_page(pages: Sequence[Listing]) -> str | None:
    """What to ask for next, where there is more; a service that gives the same page again ends the list."""
    following = pages[-1].next_page
    asked = {page.next_page for page in pages[:-1]}
    return None if following in asked or len(pages) >= MAX_PAGES else following


def all_models(pages: Sequence[Listing]) -> tuple[ListedModel, ...]:
    """The models of all pages."""
    return tuple(model for page in pages for model in page.models)
