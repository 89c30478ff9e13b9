"""``dragoman serve``: the gateway, on this machine or for others."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from dragoman.cli.screen import console, surroundings
from dragoman.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from dragoman.gateway.config.tables import Config
    from dragoman.gateway.setup import Setup, Start
    from dragoman.settings import Surroundings

CALLERS: Final = "client-keys.toml"
"""In the user's folder: keys of callers, where no configuration names them."""
FIRST_CALLER: Final = "local"
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""Hosts that mean all of this machine's addresses, and the one that a program on it uses."""
_INDENT: Final = 13
"""Columns before what a line of the greeting tells."""
DEMO: Final = ("openai", "anthropic", "gemini", "cohere", "raycast", "lockchat", "gravityengine", "equing")


def serve(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A dragoman.toml; without one it is looked for.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on, in place of the file's.")] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-w", min=1, help="Processes that share the port.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve emulated providers: made-up answers, no account, no key.")] = False,
) -> None:
    """Serve every provider in every vendor's dialect: point any client's base URL here.

    Without a file it serves what the environment's keys and the servers on this machine allow, on 127.0.0.1:4000. Ctrl-C ends it.
    """
    from dragoman.gateway.config.address import parse_listen, refuse_wide
    from dragoman.gateway.config.file import find_config
    from dragoman.gateway.serving import set_up_output

    around = surroundings()
    set_up_output()
    out = console()
    with ExitStack() as stack:
        path = None if demo else find_config(config, around)
        start = _demo(stack) if demo else _start(path, around)
        if not start.read(around).providers:
            raise UsageError("no provider can be served: set a provider's key (`dragoman providers` names the variables), or use --demo")
        if start.callers is not None and not Path(start.callers).is_file():
            _make_first_key(Path(start.callers), out)
        setup = start.read(around)
        told_host, told_port = parse_listen(setup.config.listen)
        host, port = host or told_host, told_port if port is None else port
        refuse_wide(host, has_keys=bool(setup.client_keys))
        _run(start, setup, host, port, workers or setup.config.workers, out)


def _run(start: Start, setup: Setup, host: str, port: int, workers: int, out: Console) -> None:
    from dragoman.gateway.serving import run
    from dragoman.gateway.serving import serve as serve_here

    if workers > 1:
        from dragoman.gateway.workers import Workers

        Workers(start, host, port, workers, setup.config.limits.stop).run(lambda bound: _announce(out, setup, start, host, bound))
        return
    run(
        serve_here(
            lambda: start.read(setup.surroundings), host, port, ready=lambda _application, bound: _announce(out, setup, start, host, bound)
        )
    )


def _start(path: Path | None, around: Surroundings) -> Start:
    from dragoman.gateway.setup import Start

    if path is not None:
        return Start(path=str(path))
    from dragoman.cli.reach import local_servers  # it loads the library's client

    return Start(found=local_servers(around), callers=str(around.home / CALLERS))


def _make_first_key(path: Path, out: Console) -> None:
    from dragoman.gateway.client_keys import new_key

    key, digest = new_key()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(
        f'# Keys of those who call `dragoman serve` on this machine.\n[keys.{FIRST_CALLER}]\nhash = "{digest}"\n', encoding="utf-8"
    )
    out.print("[bold]A key for your clients, shown this once:[/bold]")
    out.print(f"  {key}", style="green", soft_wrap=True, markup=False)
    out.print()


def _demo(stack: ExitStack) -> Start:
    from dragoman.emulator import Emulator
    from dragoman.gateway.setup import Start

    emulator = stack.enter_context(Emulator(DEMO, ttft_s=0.2, tokens_per_second=40.0))
    return Start(made=_demo_config({name: emulator.url(name) for name in DEMO}))


def _demo_config(urls: dict[str, str]) -> Config:
    from dragoman.cli.emulate import ANY_KEY
    from dragoman.gateway.config.tables import Config

    providers = {name: {"base_url": url, "key": ANY_KEY} for name, url in urls.items()}
    return msgspec.convert({"providers": providers, "cors": {"origins": _origins()}}, Config)


def _origins() -> list[str]:
    """What clients of the emulated providers name as their origin, as Equing's do; made-up answers may go to any page of it."""
    from dragoman.catalogue.load import Catalogue
    from dragoman.wire.quirks import Quirks

    catalogue = Catalogue()
    headers = (msgspec.convert(catalogue.provider(name).quirks, Quirks).headers for name in DEMO)
    return [told["origin"] for told in headers if "origin" in told]


def _announce(out: Console, setup: Setup, start: Start, host: str, port: int) -> None:
    shown = _EVERY_ADDRESS.get(host, f"[{host}]" if ":" in host else host)
    scheme = "https" if setup.config.tls else "http"
    address = f"{scheme}://{shown}:{port}"
    beside = " and every other address" if host in _EVERY_ADDRESS else ""
    out.print(f"[bold]dragoman[/bold] serves at [bold]{address}[/bold]{beside}  [dim]Ctrl-C ends it[/dim]", soft_wrap=True)
    out.print(f"  from       {start.path or ('emulated providers' if start.made else 'the environment')}", soft_wrap=True)
    _list(out, "providers", setup.providers)
    if setup.config.models:
        _list(out, "models", setup.config.models)
    kept = f", by hash in {start.callers}; remove that file to have a new one" if start.callers else ""
    out.print(f"  keys       {len(setup.client_keys) or 'none are wanted; only this machine can call'}{kept}", soft_wrap=True)
    for name, line in _lines(address):
        out.print(f"  {name:<10} [cyan]{line}[/cyan]", soft_wrap=True)


def _list(out: Console, title: str, names: Iterable[str]) -> None:
    """Names behind their title: on a terminal broken between them, in a pipe one line."""
    told = ", ".join(names) or "none"
    lines = wrap(told, out.width - _INDENT, break_on_hyphens=False, break_long_words=False) if out.is_terminal else [told]
    out.print(f"  {title:<10} " + f"\n{' ' * _INDENT}".join(lines), soft_wrap=True, markup=False)


def _lines(address: str) -> list[tuple[str, str]]:
    """How the customary clients are pointed here."""
    return [
        ("OpenAI", f"export OPENAI_BASE_URL={address}/v1"),
        ("Anthropic", f"export ANTHROPIC_BASE_URL={address}"),
        ("Gemini", f"export GOOGLE_GEMINI_BASE_URL={address}"),
        ("Ollama", f"export OLLAMA_HOST={address}"),
    ]
