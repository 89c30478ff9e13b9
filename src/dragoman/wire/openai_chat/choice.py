"""OpenAI chat: what one choice says, delta by delta or whole, to events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, SourceAdded, TextDelta, TokenLogprob
from dragoman.core.messages import Source
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.blocks import Blocks
from dragoman.wire.media import decode_base64, decode_data_url, sniff_audio, sniff_image
from dragoman.wire.openai_chat import details
from dragoman.wire.openai_chat.answer import FINISH, NO_LOGPROBS, OWN_OF_CHOICE, OWN_OF_MESSAGE, Choice, Custom, Said, Sound, ToolCall
from dragoman.wire.openai_chat.content import LEGACY, MESSAGE, NAME, PART
from dragoman.wire.openai_chat.think_tags import ThinkTags
from dragoman.wire.payload import dump, parse

_TEXT: Final = msgspec.json.Decoder(str)
_LEGACY: Final[Extra] = {NAME: {LEGACY: True}}
_STREAMED_SOUND: Final = "audio/pcm"
"""The one form in which OpenAI streams sound; a whole sound tells its form by its first bytes."""


class ChoiceReader:
    """The state of one choice."""

    def __init__(self, index: int, think_tags: bool) -> None:
        self.reason: FinishReason | None = None
        self._index = index
        self._blocks = Blocks(index)
        self._tags = ThinkTags() if think_tags else None
        self._details: details.Details | None = None
        self._thinks_aloud = False
        self._cites = False
        self._calls = False
        self._custom: dict[int, tuple[JsonObject, list[str]]] = {}
        self._own: JsonObject = {}
        self._extra: JsonObject = {}

    def say(self, choice: Choice, said: Said, out: list[Event]) -> None:
        """The events of a delta or a whole message."""
        blocks = self._blocks
        thought = said.reasoning_content or said.reasoning
        if thought:
            self._thinks_aloud = True
            blocks.reasoning(out, thought)
        if said.reasoning_details:
            self._say_details(said.reasoning_details, out)
        content = said.content
        if self._details and (said.tool_calls or said.refusal or said.function_call or said.audio or said.images):
            self._end_details()
        logprobs = choice.logprobs or NO_LOGPROBS
        if isinstance(content, str):
            if content or logprobs.content:  # a token that is part of a letter comes without text
                self._say_text(content, logprobs.content, out)
        elif content:
            self._say_parts(content, out)
        if said.refusal:
            blocks.refusal(out, said.refusal, logprobs.refusal)
        if said.tool_calls:
            for position, call in enumerate(said.tool_calls):
                self._say_call(position if call.index is None else call.index, call, out)
        if said.function_call and (said.function_call.name or _arguments(said.function_call.arguments)):
            function = said.function_call
            self._calls = True
            blocks.tool(out, LEGACY, None, function.name, _arguments(function.arguments), _LEGACY)
        self._say_rest(choice, said, out)

    def _say_rest(self, choice: Choice, said: Said, out: list[Event]) -> None:
        """What few answers hold."""
        if said.audio:
            self._say_sound(said.audio, choice.delta is None, out)
        if said.images:
            self._say_images(said.images, out)
        if said.annotations:
            self._cite(said.annotations, out)
        if said.extra_content is not None or said.thought_signature is not None:
            self._own |= {name: value for name in OWN_OF_MESSAGE if (value := getattr(said, name)) is not None}
        if choice.finish_reason:
            self.reason = _reason(choice.finish_reason)
            self._extra |= _own_of(choice)

    def finish(self, usage: Usage | None, out: list[Event], beside: Iterable[Source] = ()) -> None:
        """End the choice; ``beside`` is what the host says it was found in, where it names nothing itself."""
        if not self._cites:
            out.extend(SourceAdded(source, self._index, self._blocks.text_index) for source in beside)
        if self._tags:
            for is_thought, text in self._tags.close():
                self._say_piece(is_thought, text, None, out)
        self._end_details()
        if self._custom:
            calls = [{**call, "custom": {**call["custom"], "input": "".join(pieces)}} for call, pieces in self._custom.values()]
            self._own["tool_calls"] = calls
        self._blocks.end(out, {NAME: {MESSAGE: self._own}} if self._own else None)
        extra: Extra = {NAME: self._extra} if self._extra else {}
        out.append(Finished(self._told_reason(), usage, self._index, extra))

    def _told_reason(self) -> FinishReason:
        """Behind a call that was demanded by name OpenAI tells ``stop``, and some hosts do behind every call."""
        reason = self.reason or FinishReason("unknown")
        return FinishReason("tool_calls", reason.raw) if self._calls and reason.unified == "stop" else reason

    def _say_text(self, text: str, logprobs: tuple[TokenLogprob, ...] | None, out: list[Event]) -> None:
        if self._tags is None:
            if self._details:
                self._end_details()
            self._blocks.text(out, text, logprobs)
            return
        for is_thought, piece in self._tags.feed(text):
            self._say_piece(is_thought, piece, logprobs, out)
            if not is_thought:
                logprobs = None

    def _say_piece(self, is_thought: bool, text: str, logprobs: tuple[TokenLogprob, ...] | None, out: list[Event]) -> None:
        if is_thought:
            self._blocks.reasoning(out, text)
        else:
            self._end_details()
            self._blocks.text(out, text, logprobs)

    def _say_details(self, fragments: list[JsonObject], out: list[Event]) -> None:
        """Records of the thinking; their words count where the host does not say them beside."""
        blocks = self._blocks
        if self._details is None or blocks.kind != "reasoning":
            if all(details.says_nothing(fragment) for fragment in fragments):
                return
            self._end_details()
            blocks.begin(out, "reasoning")
            self._details = details.Details()
            blocks.mark({NAME: {details.FIELD: self._details.records}})
        self._details.add(fragments)
        for fragment in fragments:
            words, proof = details.words(fragment), details.signature(fragment)
            if words and not self._thinks_aloud:
                blocks.reasoning(out, words)
            if proof:
                blocks.sign(proof)

    def _end_details(self) -> None:
        """The records must be whole when their block ends, which another block's beginning does."""
        if self._details:
            self._details.finish()
            self._details = None

    def _say_parts(self, content: list[Json] | JsonObject, out: list[Event]) -> None:
        """Content that is not plain text: Mistral's list of parts, or the object itself where JSON was asked of Cloudflare."""
        self._end_details()
        if isinstance(content, dict):
            self._blocks.text(out, dump(content).decode())
            return
        for part in content:
            match part:
                case {"type": "text", "text": str(text)}:
                    self._say_text(text, None, out)
                case {"type": "thinking", "thinking": [*thoughts]}:
                    for thought in thoughts:
                        if isinstance(thought, dict) and isinstance(thought.get("text"), str):
                            self._blocks.reasoning(out, thought["text"])
                case {"type": "image_url"}:
                    self._say_images([part], out)
                case {"type": str()}:
                    self._blocks.opaque(out, {NAME: {PART: part}})

    def _say_call(self, key: int, call: ToolCall, out: list[Event]) -> None:
        custom, function = call.custom, call.function
        if custom and (key in self._custom or custom.name):
            self._say_custom(key, call.id, custom)
            return
        self._calls = True
        arguments = _arguments(function.arguments) if function else ""
        extra: Extra | None = {NAME: {"extra_content": call.extra_content}} if call.extra_content else None
        name = function.name if function else None
        self._blocks.tool(out, key, call.id or None, name or None, arguments, extra)  # some hosts say them again as ""

    def _say_custom(self, key: int, id: str | None, custom: Custom) -> None:
        if key not in self._custom:
            self._custom[key] = ({"id": id or "", "type": "custom", "custom": {"name": custom.name}}, [])
        if custom.input:
            self._custom[key][1].append(custom.input)

    def _say_sound(self, sound: Sound, is_whole: bool, out: list[Event]) -> None:
        blocks = self._blocks
        if sound.data or sound.transcript:
            data = _bytes(sound.data or "")
            media_type = sniff_audio(data) or (None if is_whole else _STREAMED_SOUND)
            blocks.audio(out, data, sound.transcript or "", media_type)
        elif blocks.kind != "audio" and sound.id:
            blocks.begin(out, "audio", _STREAMED_SOUND)
        if blocks.kind == "audio":
            told: JsonObject = {**({"id": sound.id} if sound.id else {}), **({"expires_at": sound.expires_at} if sound.expires_at else {})}
            if told:
                blocks.mark({NAME: {**blocks.marked.get(NAME, {}), **told}})

    def _say_images(self, images: list[Json], out: list[Event]) -> None:
        """Pictures that the model made; one by address has no bytes to give out and is kept as it came."""
        for image in images:
            match image:
                case {"image_url": {"url": str(url)}} if url.startswith("data:"):
                    data, media_type = _picture(url)
                    self._blocks.media(out, "image", data, media_type or sniff_image(data))
                case _:
                    self._own["images"] = [*self._own.get("images", ()), image]

    def _cite(self, annotations: list[Json], out: list[Event]) -> None:
        for annotation in annotations:
            match annotation:
                case {"type": "url_citation", "url_citation": {"url": str()} as cited}:
                    self._cites = True
                    out.append(SourceAdded(_source(cited), self._index, self._blocks.text_index))
                case _:
                    self._own.setdefault("annotations", []).append(annotation)


def _source(cited: JsonObject) -> Source:
    """The source; a span from 0 to 0 is how hosts say that they know none."""
    start, end = cited.get("start_index"), cited.get("end_index")
    is_known = isinstance(start, int) and isinstance(end, int) and bool(end)
    title, quote = cited.get("title"), cited.get("content")
    return Source(
        url=cited["url"],
        title=title if isinstance(title, str) and title else None,
        quote=quote if isinstance(quote, str) and quote else None,
        start=start if is_known else None,
        end=end if is_known else None,
    )


def _arguments(raw: msgspec.Raw) -> str:
    """The exact JSON text of a call's arguments; some hosts send the object itself instead of its text."""
    data = bytes(raw)
    if data[:1] == b'"':
        return parse(data, _TEXT)
    return "" if data == b"null" else data.decode("utf-8", "replace")


def _bytes(text: str) -> bytes:
    try:
        return decode_base64(text, "the answer's sound")
    except BadRequest as fault:
        raise BadReply(fault.message) from None


def _picture(url: str) -> tuple[bytes, str]:
    try:
        return decode_data_url(url, "the answer's picture")
    except BadRequest as fault:
        raise BadReply(fault.message) from None


# --- the usual answer ------------------------------------------------------------------------------------------------------------------


def plain_text(choice: Choice) -> str | None:
    """The text of a whole choice that holds nothing else, as most do; such a one needs no reader."""
    said = choice.message
    if said is None or choice.logprobs is not None or not choice.finish_reason or type(said.content) is not str:
        return None
    besides: object = said.refusal or said.reasoning_content or said.reasoning or said.tool_calls or said.function_call
    besides = besides or said.reasoning_details or said.annotations or said.audio or said.images
    return None if besides or said.extra_content is not None or said.thought_signature is not None else said.content


def plain_events(choice: Choice, text: str, usage: Usage | None) -> tuple[Event, ...]:
    """What a reader would make of a choice with such a text."""
    index, own = choice.index, _own_of(choice)
    end = Finished(_reason(choice.finish_reason or ""), usage, index, {NAME: own} if own else {})
    return BlockStarted(0, "text", choice=index), TextDelta(0, text, None, index), BlockEnded(0, None, index), end


def _reason(raw: str) -> FinishReason:
    return FinishReason(FINISH.get(raw, "other"), raw)


def _own_of(choice: Choice) -> JsonObject:
    return {name: value for name in OWN_OF_CHOICE if (value := getattr(choice, name)) is not None}
