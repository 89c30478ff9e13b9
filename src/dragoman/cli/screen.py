"""What commands say and how they end: consoles, one clear line for an error, exit codes.

The law: answers and lists go to standard output, everything else to standard error; a key is printed nowhere; no error is a traceback.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import typer

from dragoman.core.errors import (
    REDACTED,
    AuthFailed,
    BadReply,
    ConnectFailed,
    ContentFiltered,
    ContextTooLong,
    DragomanError,
    MissingKey,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaSpent,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
    UnknownModel,
    UsageError,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dragoman.settings import Surroundings

FAILED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130
_UNBROKEN: Final = ("name", "provider", "state", "time", "model")
"""Columns whose words are for copying; the others give way where a terminal is narrow."""
_WIDE: Final = 400
_PLACED: Final = re.compile(r"[^\s:]+:\d+: ")
"""How a fault begins that has a line in a file."""
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

P = ParamSpec("P")


def console(*, stderr: bool = False) -> Console:
    """Where to print. What is no terminal is never wrapped, so that lines can be searched."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=int(os.environ.get("COLUMNS") or _WIDE))


def plain_table(*columns: str) -> Table:
    """A table without borders, which fits a terminal and a pipe alike."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _UNBROKEN)
    return table


def say(out: Console, text: Text | str) -> None:
    """Print a sentence: on a terminal broken between words, of which none is cut; else as one line, so that lines can be searched."""
    from rich.text import Text

    told = Text(text) if isinstance(text, str) else text.copy()
    if out.is_terminal:
        told.plain = _broken(told.plain, out.width)
    out.print(told, soft_wrap=True)


def _broken(text: str, width: int) -> str:
    """``text`` with line ends in place of spaces; Rich would cut a word that is longer than a line, such as a path."""
    from rich.cells import cell_len

    letters, begun, space = list(text), 0, 0
    for at, letter in enumerate(f"{text} "):
        if letter not in " \n":
            continue
        if cell_len(text[begun:at]) > width and text[begun:space].strip():
            letters[space], begun = "\n", space + 1
        begun, space = (at + 1 if letter == "\n" else begun), at
    return "".join(letters)


def without_controls(text: str) -> str:
    """``text`` without what could command a terminal: an answer is to be read, not obeyed."""
    return _CONTROLS.sub("", text)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """``command`` with its failures as one line on standard error and the right exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        try:
            command(*args, **options)
        except DragomanError as error:
            show_error(error, [str(options["key"])] if options.get("key") else [])
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return run


def exit_code(error: DragomanError) -> int:
    """2 where the command was used wrongly, 1 where the provider or the network failed."""
    return WRONG_USE if isinstance(error, UsageError) and error.status is None else FAILED


def show_error(error: DragomanError, secrets: Iterable[str] = ()) -> None:
    """One line on standard error, or one for each fault of a file, and below it what to do where that is known."""
    from rich.text import Text

    out = console(stderr=True)
    for words in _each(error):
        say(out, Text.assemble(("error: ", "bold red"), redacted(words, secrets)))
    for hint in hints(error):
        say(out, Text(f"  {redacted(hint, secrets)}", "dim"))


def _each(error: DragomanError) -> list[str]:
    """What is wrong in a file is told a line for each fault, as compilers do it."""
    lines = error.message.splitlines()
    is_of_file = isinstance(error, UsageError) and error.status is None and (len(lines) > 1 or _PLACED.match(error.message))
    return [without_controls(line) for line in lines] if is_of_file else [describe(error)]


def show_warning(text: str) -> None:
    """One line on standard error about something that was done otherwise than asked."""
    from rich.text import Text

    say(console(stderr=True), Text.assemble(("warning: ", "bold yellow"), redacted(without_controls(text))))


def describe(error: DragomanError) -> str:
    """The error's class and words in one line."""
    return without_controls(" ".join(f"{type(error).__name__}: {error}".split()))


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` with every key that this process can know of taken out. The library does this too; a key deserves two locks."""
    for secret in {*secrets, *_known_secrets()}:
        if len(secret) > 3:
            text = text.replace(secret, REDACTED)
    return text


def _known_secrets() -> list[str]:
    from dragoman.settings import Surroundings

    try:
        surroundings = Surroundings()
        return [found[0] for row in surroundings.catalogue() if (found := surroundings.key(row))]
    except DragomanError:  # a file that cannot be read is told of elsewhere
        return []


def hints(error: DragomanError) -> list[str]:
    """What the user may do about ``error``, if anything is known."""
    for kind, words in _HINTS:
        if isinstance(error, kind):
            name = error.provider or "PROVIDER"
            wait = f" (it asks for {error.retry_after_s:g} s)" if error.retry_after_s else ""
            return [words.format(name=name, wait=wait)]
    return []


_HINTS: Final[tuple[tuple[type[DragomanError], str], ...]] = (
    (MissingKey, "`dragoman providers` shows which variable each provider reads"),
    (UnknownModel, "`dragoman models` lists the models, `dragoman providers` the providers"),
    (AuthFailed, "the key was refused; `dragoman doctor {name}` shows where it was found"),
    (PermissionDenied, "the key is known but may not do this; look at the account's permissions"),
    (RateLimited, "wait a little{wait} and ask again"),
    (QuotaSpent, "the account's allowance is spent; waiting does not help, see its billing page"),
    (ModelNotFound, "`dragoman models {name} --live` asks the provider which models it has"),
    (ContentFiltered, "the provider's rules stopped it; put it in other words, or ask another model with -m"),
    (ContextTooLong, "shorten the prompt, or take a model with a larger context"),
    (Overloaded, "it is the provider's trouble; ask again later, or another model with -m"),
    (ServerFault, "it is the provider's trouble; ask again, or another model with -m"),
    (BadReply, "what came is no answer of this provider; `dragoman doctor {name}` shows the address that was asked"),
    (TimedOut, "`--timeout SECONDS` waits longer"),
    (ConnectFailed, "`dragoman doctor {name}` looks at the address and the connection"),
    (StreamCut, "what had arrived is printed; ask again for the whole answer"),
)


def interactive() -> bool:
    """Whether a person can be asked and answered here."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def print_json(value: Any) -> None:
    """``value`` as indented JSON on standard output."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def surroundings() -> Surroundings:
    """The process's environment and the user's folder."""
    from dragoman.settings import Surroundings

    return Surroundings()
