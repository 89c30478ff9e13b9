"""Python functions as tools: the schema from signature and docstring, a model's arguments checked and converted, results as parts.

What a model gets wrong (a name, the JSON, a value) and what a function raises goes back to it as the result of its call, in words and
without a traceback. What is not an ``Exception`` (an interrupt, a cancellation) goes through.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.messages import File, Image, Text, ToolCall, ToolResult
from dragoman.core.opaque import Json
from dragoman.core.request import Tool
from dragoman.core.words import in_words
from dragoman.docstrings import parse_docstring
from dragoman.schemas import Misfit, read_json, schema_of, to_json

MAX_ERROR_CHARACTERS: Final = 2000
"""How much of an error's text a model is told."""

_LOG = logging.getLogger("dragoman")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIADIC: Final = {
    inspect.Parameter.POSITIONAL_ONLY: "it is positional only",
    inspect.Parameter.VAR_POSITIONAL: "it takes any number of positional arguments",
    inspect.Parameter.VAR_KEYWORD: "it takes any keyword",
}


class Function:
    """A Python function that a model may call, and the ``Tool`` that tells the model of it."""

    def __init__(self, function: Callable[..., Any], where: str = "tool") -> None:
        self.function = function
        name = getattr(function, "__name__", None)
        if inspect.isclass(function) or not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"{where}: {in_words(function)} was given; a function with a name of its own, or a Tool, is expected")
        self.is_async = inspect.iscoroutinefunction(function)
        parameters = _parameters(function, name)
        told = parse_docstring(inspect.getdoc(function) or "")
        self._arguments = _arguments(name, parameters)
        self.tool = Tool(name=name, description=told.text or None, parameters=_schema(name, self._arguments, parameters, told.parameters))

    def read(self, arguments: str) -> dict[str, Any]:
        """The keywords that the model's JSON text means. Raises ``Misfit``."""
        given = read_json(arguments.strip() or "{}", self._arguments)
        values = {name: getattr(given, name) for name in self._arguments.__struct_fields__}
        return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def function_of(given: object, where: str) -> Function | None:
    """``given`` as a function, or ``None`` where it is something else. Raises ``UsageError`` for one that cannot be a tool."""
    if isinstance(given, Function):
        return given
    return Function(given, where) if callable(given) and not isinstance(given, (Tool, Mapping)) else None


# --- signature to schema


def _parameters(function: Callable[..., Any], name: str) -> dict[str, tuple[Any, inspect.Parameter]]:
    """Each parameter with its type."""
    try:
        signature = inspect.signature(function)
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, ValueError) as fault:
        raise UsageError(f"{name}: its signature cannot be read: {fault}") from None
    for parameter in signature.parameters.values():
        if parameter.kind in _VARIADIC:
            raise UsageError(f"{name}: parameter {parameter.name}: {_VARIADIC[parameter.kind]}, and a model names each argument")
        if parameter.name not in hints:
            raise UsageError(f"{name}: parameter {parameter.name}: it has no annotation; a tool's schema is made of them")
    return {parameter.name: (hints[parameter.name], parameter) for parameter in signature.parameters.values()}


def _arguments(name: str, parameters: Mapping[str, tuple[Any, inspect.Parameter]]) -> type[msgspec.Struct]:
    """A type with a field for each parameter; what the model leaves out stays unset, so that the function's own default holds."""
    fields: list[Any] = [
        (field, kind) if parameter.default is parameter.empty else (field, kind | msgspec.UnsetType, msgspec.UNSET)
        for field, (kind, parameter) in parameters.items()
    ]
    try:
        return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as fault:
        raise UsageError(f"{name}: its parameters cannot be made a schema: {fault}") from None


def _schema(
    name: str, arguments: type, parameters: Mapping[str, tuple[Any, inspect.Parameter]], told: Mapping[str, str]
) -> dict[str, Json]:
    for field, (kind, _) in parameters.items():
        schema_of(kind, f"{name}: parameter {field}")  # one by one, so that the error names the parameter
    schema = schema_of(arguments, name)
    del schema["title"]
    for field, (kind, parameter) in parameters.items():
        words = _annotated_words(kind) or told.get(field)
        more: dict[str, Json] = {"description": words} if words else {}
        if parameter.default is not parameter.empty:
            more |= _default(parameter.default)
        schema["properties"][field] = {**more, **schema["properties"][field]}
    return schema


def _annotated_words(kind: Any) -> str | None:
    """What ``Annotated[T, "words"]`` says, or an object with a description as pydantic's ``Field`` makes it."""
    for told in get_args(kind)[1:] if get_origin(kind) is Annotated else ():
        words = told if isinstance(told, str) else getattr(told, "description", None)
        if isinstance(words, str):
            return words
    return None


def _default(value: object) -> dict[str, Json]:
    try:
        return {"default": msgspec.json.decode(to_json(value))}
    except (TypeError, ValueError, NotImplementedError):
        return {}


# --- calls


class Job(msgspec.Struct, frozen=True):
    """One call of the model: the function with its arguments, or what is wrong with the call."""

    call: ToolCall
    function: Function | None = None
    arguments: dict[str, Any] = {}
    fault: str | None = None

    def answered(self, value: object) -> ToolResult:
        """The result that carries ``value``."""
        try:
            parts = _parts(value)
        except (TypeError, ValueError, NotImplementedError) as fault:
            return self.failed(TypeError(f"the result of {self.call.name} cannot be said in JSON: {fault}"))
        return ToolResult(id=self.call.id, name=self.call.name, parts=parts)

    def failed(self, error: Exception) -> ToolResult:
        """The result that tells the model of ``error``."""
        _LOG.warning("tool %s: %s goes back to the model", self.call.name, type(error).__name__)
        _LOG.debug("tool %s failed", self.call.name, exc_info=error)
        return self._told(f"{type(error).__name__}: {error}")

    def refused(self) -> ToolResult:
        """The result that tells the model what is wrong with its call."""
        return self._told(self.fault or "")

    def _told(self, words: str) -> ToolResult:
        parts = (Text(text=words[:MAX_ERROR_CHARACTERS]),)
        return ToolResult(id=self.call.id, name=self.call.name, parts=parts, is_error=True)


class Toolbox:
    """The Python functions among a caller's tools, by name."""

    def __init__(self, given: Sequence[object]) -> None:
        functions = [function_of(one, f"tools[{i}]") for i, one in enumerate(given)]
        self.tools: list[Any] = [one if function is None else function for one, function in zip(given, functions, strict=True)]
        self._functions = {function.tool.name: function for function in functions if function is not None}
        if len(self._functions) < sum(function is not None for function in functions):
            raise UsageError("tools: two functions have the same name; a model could not tell them apart")

    @classmethod
    def of(cls, given: object, may_await: bool) -> Toolbox:
        """Raises ``UsageError`` where ``given`` is no list with a function in it, or one is async and may not be awaited."""
        if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
            raise UsageError(f"tools: {type(given).__name__} was given; a list of functions and tools is expected")
        box = cls(given)
        if not box._functions:
            raise UsageError("tools: there is no Python function among them; complete() hands calls of other tools back")
        for name, function in box._functions.items():
            if function.is_async and not may_await:
                raise UsageError(f"tools: {name} is an async function; a blocking client cannot await it, AsyncClient can")
        return box

    def job(self, call: ToolCall) -> Job:
        """What ``call`` asks for. Never raises: what is wrong with it is in ``fault``."""
        function = self._functions.get(call.name)
        if function is None:
            return Job(call, fault=f"UnknownTool: there is no tool {call.name!r}; there are: {', '.join(self._functions)}")
        try:
            return Job(call, function, function.read(call.arguments))
        except Misfit as error:
            return Job(call, fault=f"InvalidArguments: {error}")
        except Exception as error:  # noqa: BLE001  # validators are the user's code too
            return Job(call, fault=f"InvalidArguments: {type(error).__name__}: {error}")

    def __contains__(self, name: str) -> bool:
        return name in self._functions


def _parts(value: object) -> tuple[Text | Image | File, ...]:
    """What a function gave back, as parts: text as it is, parts as they are, anything else as JSON."""
    if isinstance(value, str):
        return (Text(text=value),)
    if isinstance(value, (Text, Image, File)):
        return (value,)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, (Text, Image, File)) for item in value):
        return tuple(value)
    return (Text(text=to_json(value)),)
