"""The Typer app: which commands there are, and what holds for all of them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated, Any, Final, Literal, NoReturn

import typer

from dragoman import __version__
from dragoman.cli import check, config, import_config, keys
from dragoman.cli.chat import chat
from dragoman.cli.demo import demo
from dragoman.cli.doctor import doctor
from dragoman.cli.emulate import emulate
from dragoman.cli.models import models
from dragoman.cli.providers import providers
from dragoman.cli.screen import FAILED, guarded
from dragoman.cli.serve import serve

WIDE: Final = 72
"""Columns from which on help stands in frames."""
_MARKUP: Final = re.compile(r"\[/?cyan\]")
_PANELS: Final[dict[str, tuple[Callable[..., None], ...]]] = {
    "Ask": (chat,),
    "Look": (providers, models, doctor),
    "Serve": (serve,),
    "Try without an account": (demo, emulate),
}
_GROUPS: Final[dict[str, tuple[str, tuple[Callable[..., None], ...]]]] = {
    "keys": ("Make keys for the gateway's callers.", (keys.new,)),
    "check": ("Look for mistakes in a dragoman.toml.", (check.config,)),
    "config": ("Show what a dragoman.toml can hold.", (config.example,)),
    "import": ("Take over another gateway's configuration.", (import_config.litellm,)),
}
"""Commands that stand behind another word, in the panel of ``serve``."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dragoman {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """One interface to every large-language-model provider.

    Ask once: [cyan]dragoman chat "Name three rivers."[/cyan]

    About what is piped in: [cyan]git diff | dragoman chat "Review this."[/cyan]

    Converse: [cyan]dragoman chat[/cyan]
    """


def _prose(command: Callable[..., None], *, is_painted: bool) -> str:
    """A docstring as help: each paragraph one line, to be wrapped as wide as the terminal is."""
    words = command.__doc__ or ""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (words if is_painted else _MARKUP.sub("", words)).split("\n\n"))


def _options(command: Callable[..., None], *, is_painted: bool) -> dict[str, Any]:
    """What Typer is told of a command. The list of commands has its first paragraph whole, where Typer would cut it."""
    told = _prose(command, is_painted=is_painted)
    return {"help": told, "short_help": told.partition("\n\n")[0]}


def build(width: int = WIDE) -> typer.Typer:
    """The app, ready to be called; on a terminal narrower than ``WIDE`` its help has no frames, which would cut the options' names."""
    is_painted = width >= WIDE
    markup: Literal["rich"] | None = "rich" if is_painted else None
    app = typer.Typer(
        name="dragoman",
        no_args_is_help=True,
        rich_markup_mode=markup,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": None if is_painted else width},
    )
    app.callback(help=_prose(_root, is_painted=is_painted))(_root)
    for panel, commands in _PANELS.items():
        for command in commands:
            app.command(rich_help_panel=panel, **_options(command, is_painted=is_painted))(guarded(command))
    for name, (about, commands) in _GROUPS.items():
        group = typer.Typer(no_args_is_help=True, rich_markup_mode=markup, help=about, short_help=about)
        group.callback()(lambda: None)  # or Typer would make a group of one command that command
        for command in commands:
            group.command(**_options(command, is_painted=is_painted))(guarded(command))
        app.add_typer(group, name=name, rich_help_panel="Serve")
    return app


def run() -> None:
    """Build the app and run it on the process's arguments."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows another one, and not a traceback
    if sys.stdout is None:
        _give_up("standard output is closed")
    try:
        try:
            build(shutil.get_terminal_size().columns)()
        finally:
            sys.stdout.flush()
    except OSError as fault:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would try, and fail, once more at its end
        _give_up(fault.strerror or str(fault))


def _give_up(reason: str) -> NoReturn:
    if sys.stderr is not None:
        sys.stderr.write(f"error: {reason}\n")
    raise SystemExit(FAILED)
