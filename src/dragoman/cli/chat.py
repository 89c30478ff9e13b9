"""``dragoman chat``: one question from arguments or standard input, or a conversation."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from dragoman.cli.screen import INTERRUPTED, WRONG_USE, console, exit_code, interactive, print_json, show_error, show_warning, surroundings
from dragoman.core.errors import DragomanError, UsageError

if TYPE_CHECKING:
    from dragoman.cli.answer import Told
    from dragoman.client import Client
    from dragoman.prompts import Options


def chat(
    prompt: Annotated[list[str] | None, typer.Argument(help="The question; - reads it from standard input.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="PROVIDER/MODEL, or a provider for its default model.")] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", help="Instructions that stand above the conversation.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="The provider's key; its variable is the better place.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Another address of the provider.")] = None,
    temperature: Annotated[float | None, typer.Option("--temperature", "-t", help="How freely words are chosen; 0 is least.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="The longest answer, in tokens.")] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds that any single wait may take.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with text, model, usage, times, error.")] = False,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Ask for the whole answer at once.")] = False,
    plain: Annotated[bool, typer.Option("--plain", "--raw", help="On a terminal: the bare text, no Markdown.")] = False,
) -> None:
    """Ask a model; without a question, begin a conversation.

    What is piped in stands below the question. The model is the one named, else $DRAGOMAN_MODEL, else that of the first provider with a
    key, else that of a server found on this machine.
    """
    question = read_question(prompt or [], sys.stdin)
    if question is None and (as_json or not interactive()):
        raise UsageError("prompt: none was given; give one as an argument or on standard input, or run this on a terminal")
    from dragoman.cli.choice import NOTHING_CONFIGURED, choose_model
    from dragoman.client import Client
    from dragoman.router import check_base_url
    from dragoman.settings import check_key

    around = surroundings()
    chosen = choose_model(model and readable(model), around)
    if chosen is None:
        typer.echo(NOTHING_CONFIGURED, err=True)
        raise typer.Exit(WRONG_USE)
    provider = chosen.partition("/")[0]
    options = _options(system, temperature, max_tokens, timeout)
    keys = {} if key is None else {provider: check_key(key, "--key")}
    base_urls = {} if base_url is None else {provider: check_base_url(base_url, "--base-url")}
    with Client(keys=keys, base_urls=base_urls, environment=around.environment) as client:
        if question is None:
            from dragoman.cli.conversation import Conversation
            from dragoman.cli.prompt import converse

            options.pop("system", None)
            converse(client, Conversation(chosen, system and readable(system)), options, around, plain=plain, secret=key)
            return
        told = _ask(client, chosen, question, options, as_json=as_json, streaming=not no_stream, plain=plain)
    _end(told, key, as_json=as_json)


def read_question(words: list[str], stdin: TextIO | None) -> str | None:
    """The question that arguments and standard input make together, or ``None`` where there is neither. Raises ``UsageError``."""
    reads_alone = words == ["-"]
    piped = _read_all(stdin).strip("\r\n") if stdin is not None and (reads_alone or _is_piped(stdin)) else ""
    given = "" if reads_alone else readable(" ".join(words))
    text = "\n\n".join(filter(str.strip, (given, piped)))
    if text:
        return text
    if words:
        raise UsageError(f"prompt: {' '.join(words)!r} was given and nothing is in it; a question is expected")
    return None


def readable(text: str) -> str:
    """``text`` as it can be sent: what the shell gave in another encoding is shown by a mark, and does not fail."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_all(stdin: TextIO) -> str:
    """Standard input to its end; a file in another encoding loses the letters that cannot be read, and nothing else."""
    return stdin.buffer.read().decode("utf-8", "replace").removeprefix("\ufeff")


def _is_piped(stdin: TextIO) -> bool:
    """Whether something was piped or redirected in; a device or a closed input holds nothing to be asked."""
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _options(system: str | None, temperature: float | None, max_tokens: int | None, timeout: float | None) -> Options:
    options: Options = {}
    if system is not None:
        options["system"] = readable(system)
    if temperature is not None:
        options["temperature"] = temperature
    if max_tokens is not None:
        if max_tokens < 1:
            raise UsageError(f"--max-tokens: {max_tokens} was given; a whole number from 1 up is allowed")
        options["max_output_tokens"] = max_tokens
    if timeout is not None:
        options["timeout"] = timeout
    return options


def _ask(client: Client, model: str, question: str, options: Options, *, as_json: bool, streaming: bool, plain: bool) -> Told:
    from dragoman.cli.answer import Whole, listen, paint, refused, write

    try:
        stream = client.stream(model, question, **options) if streaming else Whole(client, model, question, options)
    except DragomanError as error:
        if not as_json:
            raise
        return refused(error, model)
    if as_json:
        return listen(stream, model, lambda _: None)
    out = console()
    if sys.stdout.isatty() and not plain and not out.is_dumb_terminal:
        return paint(stream, model, out)
    return write(stream, model, sys.stdout)


def _end(told: Told, key: str | None, *, as_json: bool) -> None:
    """Say what is left to be said, and leave with the right code."""
    if as_json:
        from dragoman.cli.answer import as_json as answer_json

        print_json(answer_json(told, [key] if key else []))
    for warning in () if as_json else told.response.warnings:
        show_warning(warning)
    if told.error is not None:
        show_error(told.error, [key] if key else [])
        raise typer.Exit(exit_code(told.error))
    if told.is_interrupted:
        raise typer.Exit(INTERRUPTED)
