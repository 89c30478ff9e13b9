"""What a user types to a request: a prompt or messages, and options by keyword, checked at the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final, TypeAlias, TypedDict, TypeVar, get_args

import msgspec

from dragoman.catalogue.load import nearest
from dragoman.core.errors import BadRequest, UsageError
from dragoman.core.exchange import Timeouts
from dragoman.core.messages import ROLES, AnyPart, Audio, File, Image, Message, Text
from dragoman.core.opaque import JsonObject
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool, ToolChoice
from dragoman.core.token import Key
from dragoman.core.words import in_words
from dragoman.wire.openai_chat.content import NAME
from dragoman.wire.openai_chat.messages import decode_message
from dragoman.wire.openai_chat.request import format_from

T = TypeVar("T")

Content: TypeAlias = str | Path | bytes | Text | Image | Audio | File
"""A piece of a question: words, a file to read, or a part."""

Prompt: TypeAlias = "str | Message | Sequence[Message | Mapping[str, Any] | Content]"
"""A question, in words or as a list of words, files and parts; or a conversation, as messages of ours or in OpenAI's form
(``{"role": …, "content": …}``)."""


class CallOptions(TypedDict, total=False):
    """What may be said of any call, whatever it asks."""

    key: Key | None
    base_url: str | None
    timeout: float | Timeouts
    strict: bool


class Options(CallOptions, total=False):
    """What may be asked for beside the prompt; the same for ``complete`` and ``stream``, sync and async."""

    system: str
    tools: Sequence[Tool | Mapping[str, Any] | Callable[..., Any]]
    tool_choice: ToolChoice
    parallel_tool_calls: bool
    response_format: JsonFormat
    temperature: float
    top_p: float
    top_k: int
    presence_penalty: float
    frequency_penalty: float
    stop: str | Sequence[str]
    max_output_tokens: int
    seed: int
    n: int
    logprobs: bool
    top_logprobs: int
    reasoning: ReasoningOptions | str
    metadata: dict[str, str]
    user: str
    extra: dict[str, JsonObject]


CALL_OPTIONS: Final = frozenset(CallOptions.__annotations__)
"""Options about the call, not about the request."""


def request_from(model: str, prompt: Prompt, stream: bool, options: Mapping[str, Any]) -> Request:
    """The request that a user's words mean. Raises ``UsageError`` that names the argument."""
    unknown = options.keys() - Options.__annotations__.keys()
    if unknown:
        name = sorted(unknown)[0]
        raise UsageError(f"{name}: no such option; {nearest(name, sorted(Options.__annotations__))}")
    fields: dict[str, Any] = {
        name: sayable(value, name) for name, value in options.items() if name not in CALL_OPTIONS and value is not None
    }
    named: object = model
    if isinstance(named, str):
        model = _plain_text(named, "model")
    messages = messages_from(sayable(prompt, "messages"))
    system = fields.pop("system", None)
    if system is not None:
        messages = (Message("system", (Text(text=_string(system, "system")),)), *messages)
    for name, read in _READERS.items():
        if name in fields:
            fields[name] = read(fields[name])
    return converted({**fields, "model": model, "stream": stream, "messages": messages}, Request)


def is_strict(options: Mapping[str, Any]) -> bool:
    """Whether the call asks for all or nothing. Raises ``UsageError``: a word such as "no" would be taken for yes."""
    strict = options.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise UsageError(f"strict: {in_words(strict)} was given; True or False is allowed", param="strict")
    return bool(strict)


def sayable(value: Any, where: str) -> Any:
    """``value`` with strings, lists and mappings of classes of their own as plain ones.

    Raises ``UsageError`` that names the place of what JSON cannot say.
    """
    try:
        return value if _is_plain(value) else _sayable(value, where)
    except RecursionError:
        raise UsageError(f"{where}: it holds itself, or lists within lists without end", param=where) from None


def _is_plain(value: Any) -> bool:
    """Whether ``value`` is what JSON can say, in Python's own types: nearly always, and then no place in it needs a name."""
    kind = type(value)
    if kind is str:
        return value.isascii() or _encodes(value)
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    if kind is dict:
        return all(map(_is_plain_name, value)) and all(map(_is_plain, value.values()))
    if kind is int or kind is float:
        return _is_finite(value)
    return kind is bool or value is None


def _is_plain_name(name: object) -> bool:
    return type(name) is str and name.isascii()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sayable(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return _plain_text(value, where)
    if isinstance(value, (int, float)):
        if not _is_finite(value):
            raise UsageError(f"{where}: {in_words(value)} was given; a finite number is expected", param=where)
        return value
    if isinstance(value, msgspec.Struct):
        fields = {name: _sayable(getattr(value, name), f"{where}.{name}") for name in value.__struct_fields__}
        changed = {name: field for name, field in fields.items() if field is not getattr(value, name)}
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        return {_sayable(name, where): _sayable(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        items = [_sayable(item, f"{where}[{i}]") for i, item in enumerate(value)]
        return tuple(items) if type(value) is tuple else items
    return value


def _plain_text(text: str, where: str) -> str:
    """A string of any class as what it says. Raises ``UsageError`` for half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise UsageError(f"{where}: it cannot be written as JSON: {fault.reason} at place {fault.start}", param=where) from None
    return text if type(text) is str else str.__str__(text)


def _is_finite(number: float) -> bool:
    try:
        return isfinite(number)
    except OverflowError:  # an integer beyond every float, which readers of JSON take for infinity
        return False


def converted(fields: Mapping[str, Any], kind: type[T]) -> T:
    """``fields`` as ``kind``. Raises ``UsageError`` that begins with the field's name."""
    try:
        return msgspec.convert(fields, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as fault:
        raise UsageError(explain(str(fault))) from None
    except AttributeError:  # msgspec takes whatever has places for a mapping
        odd = [name for name, value in fields.items() if hasattr(type(value), "__getitem__") and not isinstance(value, _PLAIN)]
        raise UsageError(
            f"{', '.join(odd) or 'an argument'}: it is of a type that cannot be told from a mapping; a dict is expected"
        ) from None


_CONTENT: Final = get_args(Content)
_PLAIN: Final = (str, bytes, list, tuple, dict)


def messages_from(prompt: Prompt) -> tuple[Message, ...]:
    """The conversation that ``prompt`` means. Raises ``UsageError`` that names the place."""
    if isinstance(prompt, str):
        return (Message("user", (Text(text=prompt),)),)
    if isinstance(prompt, Message):
        return (_checked(prompt, "messages[0]"),)
    if isinstance(prompt, (bytes, bytearray, Mapping)) or not hasattr(prompt, "__iter__"):
        raise UsageError(f"messages: {type(prompt).__name__} was given; a string or a list of messages is expected")
    items: list[Any] = list(prompt)
    if not items:
        raise BadRequest("messages: the list is empty; at least one message is expected", param="messages")
    if isinstance(items[0], _CONTENT):
        return (_checked(Message("user", tuple(_content(item, f"messages[{i}]") for i, item in enumerate(items))), "messages[0]"),)
    return tuple(
        _checked(item, f"messages[{i}]") if isinstance(item, Message) else decode_message(_plain(item), f"messages[{i}]", known_only=True)
        for i, item in enumerate(items)
    )


def _content(item: object, where: str) -> AnyPart:
    """A piece of a question as a part. A string is words here; an address becomes a part by ``attach``."""
    if isinstance(item, str):
        return Text(text=item)
    if isinstance(item, (Path, bytes)):
        from dragoman.attachments import attached

        return attached(item, where)
    if isinstance(item, (Text, Image, Audio, File)):
        return item
    raise UsageError(f"{where}: {type(item).__name__} was given; the list begins as one question, so words, a file or a part is expected")


def _plain(item: object) -> object:
    """A mapping of any class as a dict; an object of OpenAI's SDK by its own dump; anything else as it is, to be refused by name."""
    if isinstance(item, Mapping):
        return dict(item)
    dump = getattr(item, "model_dump", None)
    return dump(exclude_none=True) if callable(dump) else item


def _checked(message: Message, where: str) -> Message:
    """``message`` with its types seen to, as Python did not."""
    if message.role not in ROLES:
        raise BadRequest(
            f"{where}.role: {in_words(message.role)} was given; one of {', '.join(map(repr, ROLES))} is allowed", param=f"{where}.role"
        )
    if not isinstance(message.parts, (tuple, list)):
        raise BadRequest(f"{where}.parts: {type(message.parts).__name__} was given; a tuple of parts such as Text is expected")
    for i, part in enumerate(message.parts):
        if not isinstance(part, get_args(AnyPart)):
            raise BadRequest(f"{where}.parts[{i}]: {type(part).__name__} was given; a part such as Text or Image is expected")
        _check_fields(part, f"{where}.parts[{i}]")
    _check_fields(message, where)
    return message


def _check_fields(part: msgspec.Struct, where: str) -> None:
    try:
        converted(msgspec.structs.asdict(part), type(part))
    except UsageError as fault:
        raise BadRequest(f"{where}.{fault.message}") from None


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name}: {type(value).__name__} was given; a string is expected")
    return value


def _read_stop(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _read_reasoning(value: object) -> object:
    if isinstance(value, Mapping):
        return _known(value, ReasoningOptions, "reasoning")
    return ReasoningOptions(effort=value) if isinstance(value, str) else _read_struct(value, "reasoning")


def _read_format(value: object) -> object:
    """A format of ours, in fields of ours, or in OpenAI's form."""
    if isinstance(value, Mapping):
        return format_from(dict(value)) if "type" in value else _known(value, JsonFormat, "response_format")
    return _read_struct(value, "response_format")


def _read_struct(value: object, where: str) -> object:
    """``value``, whose types Python did not see to where it is an object of ours."""
    if isinstance(value, msgspec.Struct):
        _check_fields(value, where)
    return value


def _known(told: Mapping[str, Any], kind: type[msgspec.Struct], where: str) -> Mapping[str, Any]:
    """``told``, which speaks of fields of ``kind`` alone. Raises ``UsageError``: a word that is passed over is a wish unheard."""
    for name in told.keys() - set(kind.__struct_fields__):
        raise UsageError(f"{where}.{name}: no such field; {nearest(str(name), list(kind.__struct_fields__))}")
    return told


def _read_tool_choice(value: object) -> object:
    if isinstance(value, NamedTool) or (isinstance(value, str) and value in ("auto", "none", "required")):
        return _read_struct(value, "tool_choice")
    raise UsageError(f"tool_choice: {in_words(value)} was given; 'auto', 'none', 'required' or NamedTool(name) is allowed")


def _read_tools(value: object) -> object:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
        raise UsageError(f"tools: {type(value).__name__} was given; a list of tools is expected")
    return tuple(_read_tool(tool, i) for i, tool in enumerate(value))


def _read_tool(given: object, position: int) -> Tool:
    """A tool of ours, a Python function, or one in OpenAI's form, with or without its ``function`` envelope."""
    if isinstance(given, Tool):
        _check_fields(given, f"tools[{position}]")
        return given
    if not isinstance(given, Mapping):
        from dragoman.functions import function_of

        function = function_of(given, f"tools[{position}]")
        if function is not None:
            return function.tool
        raise UsageError(f"tools[{position}]: {type(given).__name__} was given; a Tool or an object with name and parameters is expected")
    inner = given.get("function")
    told = inner if given.get("type") == "function" and isinstance(inner, Mapping) else given
    place = f"tools[{position}]" if told is given else f"tools[{position}].function"
    _known({name: field for name, field in told.items() if (name, field) != ("type", "function")}, Tool, place)
    beside = {} if told is given else {name: field for name, field in given.items() if name not in ("type", "function")}
    try:
        tool = msgspec.convert(told, Tool)
        return msgspec.structs.replace(tool, extra={NAME: beside, **tool.extra}) if beside else tool
    except msgspec.ValidationError as fault:
        raise UsageError(f"{place}{'.' if ' - at `$.' in str(fault) else ': '}{explain(str(fault))}") from None


_READERS: Final = {
    "stop": _read_stop,
    "reasoning": _read_reasoning,
    "response_format": _read_format,
    "tool_choice": _read_tool_choice,
    "tools": _read_tools,
}


def explain(fault: str) -> str:
    """msgspec's ``Expected `float`, got `str` - at `$.temperature``` as a sentence that begins with the argument."""
    reason, _, place = fault.partition(" - at `$.")
    return f"{place.rstrip('`')}: {reason[:1].lower()}{reason[1:]}" if place else reason
