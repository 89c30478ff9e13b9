"""What can be asked besides an answer, by dialect: each operation is one module of one shape, whatever its wire.

``complete_text`` is no operation here but a dialect of its own, ``openai_completions``, because its answers are streamed as events.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from dragoman.core.errors import DragomanError, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.wire.quirks import Quirks

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Operation(Protocol[Asked, Answered]):
    """A request and its answer, both ways."""

    @property
    def PATH(self) -> str:  # noqa: N802  a module's constant
        """Where it is below a provider's base."""

    @property
    def ROUTES(self) -> tuple[str, ...]:  # noqa: N802  likewise
        """Regular expressions that match, whole, the paths that ``decode_request`` understands."""

    def encode_request(self, request: Asked, quirks: Quirks) -> Call:
        """The call for ``request``, its warnings naming what could not be said. Raises ``UsageError`` for what cannot be said at all."""

    def decode_request(self, call: Call, quirks: Quirks) -> Asked:
        """What a caller asks. Raises ``BadRequest`` that names the field."""

    def decode_reply(self, reply: Reply, quirks: Quirks) -> Answered:
        """The answer. Raises the error that it tells, or ``BadReply``."""

    def encode_reply(self, answer: Answered, request: Asked, quirks: Quirks) -> Reply:
        """``answer`` as a whole answer to ``request``."""


MODULES: Final[dict[tuple[str, str], str]] = {
    ("openai_chat", "embed"): "openai_embeddings",
    ("openai_chat", "generate_image"): "openai_images",
    ("openai_chat", "speak"): "openai_speech",
    ("openai_chat", "transcribe"): "openai_transcription",
    ("openai_chat", "moderate"): "openai_moderations",
    ("openai_chat", "rank"): "jina_rerank",
    ("openai_chat", "list_models"): "openai_models",
    ("openai_responses", "embed"): "openai_embeddings",
    ("openai_responses", "generate_image"): "openai_images",
    ("openai_responses", "speak"): "openai_speech",
    ("openai_responses", "transcribe"): "openai_transcription",
    ("openai_responses", "moderate"): "openai_moderations",
    ("openai_responses", "list_models"): "openai_models",
    ("voyage", "embed"): "voyage_embeddings",
    ("voyage", "rank"): "voyage_rerank",
    ("elevenlabs", "speak"): "elevenlabs.speech",
    ("elevenlabs", "transcribe"): "elevenlabs.transcription",
    ("deepgram", "speak"): "deepgram.speech",
    ("deepgram", "transcribe"): "deepgram.transcription",
    ("anthropic_messages", "count_tokens"): "anthropic_messages.count",
    ("anthropic_messages", "list_models"): "anthropic_messages.models",
    ("bedrock_converse", "generate_image"): "bedrock_converse.images",
    ("bedrock_converse", "embed"): "bedrock_converse.embed",
    ("cohere", "embed"): "cohere.embed",
    ("cohere", "rank"): "cohere.rerank",
    ("gemini", "count_tokens"): "gemini.count_tokens",
    ("gemini", "embed"): "gemini.embed",
    ("gemini", "list_models"): "gemini.models",
    ("gemini", "generate_image"): "gemini.images",
    ("gemini", "speak"): "gemini.speech",
    ("gemini", "transcribe"): "gemini.transcription",
    ("ollama", "embed"): "ollama.embed",
    ("ollama", "list_models"): "ollama.tags",
}
"""Dialect and operation to the module that speaks it; where two have a route in common, the first one has it. ``voyage``, ``elevenlabs``
and ``deepgram`` answer no prompts and are dialects for these alone."""

ERRORS: Final[dict[str, str]] = {"elevenlabs": "elevenlabs.errors", "deepgram": "deepgram.errors"}
"""Dialects of operations alone that tell failures in a form of their own; the others tell them in OpenAI's."""

ONE_PATH: Final[dict[str, str]] = {"gemini": "gemini.turn", "bedrock_converse": "bedrock_converse.images"}
"""Dialects that ask several things at one path, and the module whose ``asked_for`` tells them apart."""

NAMES: Final = tuple(dict.fromkeys(name for _, name in MODULES))
"""Every operation there is."""

DIALECTS: Final = tuple(dict.fromkeys(dialect for dialect, _ in MODULES))
"""Every dialect that has an operation."""

if TYPE_CHECKING:
    from dragoman.core.embedding import Embeddings, EmbedRequest
    from dragoman.core.listing import Listing, ListRequest
    from dragoman.core.moderation import Moderation, ModerationRequest
    from dragoman.core.picture import PictureRequest, Pictures
    from dragoman.core.ranking import Ranking, RankRequest
    from dragoman.core.request import Request
    from dragoman.core.sound import Speech, SpeechRequest, Transcription, TranscriptionRequest
    from dragoman.core.usage import Usage
    from dragoman.wire import (
        jina_rerank,
        openai_embeddings,
        openai_images,
        openai_models,
        openai_moderations,
        openai_speech,
        openai_transcription,
        voyage_embeddings,
        voyage_rerank,
    )
    from dragoman.wire.anthropic_messages import count
    from dragoman.wire.anthropic_messages import models as anthropic_models
    from dragoman.wire.bedrock_converse import embed as bedrock_embed
    from dragoman.wire.bedrock_converse import images as bedrock_images
    from dragoman.wire.cohere import embed as cohere_embed
    from dragoman.wire.cohere import rerank as cohere_rerank
    from dragoman.wire.deepgram import speech as deepgram_speech
    from dragoman.wire.deepgram import transcription as deepgram_transcription
    from dragoman.wire.elevenlabs import speech as elevenlabs_speech
    from dragoman.wire.elevenlabs import transcription as elevenlabs_transcription
    from dragoman.wire.gemini import count_tokens as gemini_count
    from dragoman.wire.gemini import embed as gemini_embed
    from dragoman.wire.gemini import images as gemini_images
    from dragoman.wire.gemini import models as gemini_models
    from dragoman.wire.gemini import speech as gemini_speech
    from dragoman.wire.gemini import transcription as gemini_transcription
    from dragoman.wire.ollama import embed as ollama_embed
    from dragoman.wire.ollama import tags as ollama_tags

    _EMBED: tuple[Operation[EmbedRequest, Embeddings], ...] = (
        openai_embeddings,
        voyage_embeddings,
        bedrock_embed,
        cohere_embed,
        gemini_embed,
        ollama_embed,
    )
    _RANK: tuple[Operation[RankRequest, Ranking], ...] = (jina_rerank, voyage_rerank, cohere_rerank)
    _LIST: tuple[Operation[ListRequest, Listing], ...] = (openai_models, anthropic_models, gemini_models, ollama_tags)
    _COUNT: tuple[Operation[Request, Usage], ...] = (count, gemini_count)
    _PICTURES: tuple[Operation[PictureRequest, Pictures], ...] = (openai_images, bedrock_images, gemini_images)
    _SPEAK: tuple[Operation[SpeechRequest, Speech], ...] = (openai_speech, gemini_speech, elevenlabs_speech, deepgram_speech)
    _TRANSCRIBE: tuple[Operation[TranscriptionRequest, Transcription], ...] = (
        openai_transcription,
        gemini_transcription,
        elevenlabs_transcription,
        deepgram_transcription,
    )
    _MODERATE: Operation[ModerationRequest, Moderation] = openai_moderations


def operation(dialect: str, name: str) -> Operation[Any, Any]:
    """How ``dialect`` says ``name``, its module loaded when first asked for. Raises ``Unsupported`` where it does not."""
    module = MODULES.get((dialect, name))
    if module is None:
        having = [other for other, operation in MODULES if operation == name]
        hint = f"these have it: {', '.join(having)}" if having else f"known operations are: {', '.join(NAMES)}"
        raise Unsupported(f"{name}: the dialect {dialect} does not have it; {hint}")
    return cast("Operation[Any, Any]", import_module(f"dragoman.wire.{module}"))


def asked_for(dialect: str, call: Call) -> str | None:
    """The operation that a call at a path of several asks for, ``None`` where it asks for an answer, or the path alone tells."""
    module = ONE_PATH.get(dialect)
    if module is None:
        return None
    return cast("str | None", import_module(f"dragoman.wire.{module}").asked_for(call))


def encode_error(dialect: str, error: DragomanError, quirks: Quirks) -> Reply:
    """A failing answer of a dialect that has operations alone."""
    module = import_module(f"dragoman.wire.{ERRORS.get(dialect, 'openai_chat.errors')}")
    return cast("Reply", module.encode_error(error, quirks))
