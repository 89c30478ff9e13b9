"""``dragoman doctor``: which providers are set up, which of them answer, and what to do about the others.

Contacted are only the providers that are set up, those named, and the customary ports of this machine; asked is nothing but the list of
models, which costs nothing. No key is printed, only where it was found.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import typer

from dragoman.cli.rows import print_rows
from dragoman.cli.screen import FAILED, console, describe, print_json, redacted, say, surroundings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dragoman.cli.reach import Asked
    from dragoman.cli.standing import Standing
    from dragoman.client import Client
    from dragoman.core.exchange import Reply, Timeouts
    from dragoman.settings import Surroundings

State = Literal["ready", "key refused", "key missing", "failing", "unreachable", "not running"]
_COLOURS: dict[State, str] = {
    "ready": "green",
    "key refused": "red",
    "key missing": "yellow",
    "failing": "yellow",
    "unreachable": "red",
    "not running": "dim",
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about one provider."""

    name: str
    state: State
    key: str
    base_url: str
    key_ends: str | None = None
    """When what a cloud lent for a while ends, in RFC 3339."""
    status: int | None = None
    seconds: float | None = None
    advice: str = ""


def doctor(
    names: Annotated[list[str] | None, typer.Argument(help="Providers to look at, set up or not.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds that any single wait may take.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Look which providers are set up and reachable, and say what to do. Ends with 0 if one can be used, else with 1.

    It contacts the providers that are set up, those named, and this machine's own ports; it asks for the list of models only.
    """
    from dragoman.core.exchange import Timeouts

    around = surroundings()
    findings = examine(around, names or [], Timeouts.of(timeout))
    facts = machine(around)
    if as_json:
        print_json({**facts, "providers": findings})
    else:
        _show(console(), findings, facts)
    if not any(one.state == "ready" for one in findings):
        raise typer.Exit(FAILED)


def examine(around: Surroundings, names: list[str], timeouts: Timeouts) -> list[Finding]:
    """A finding for each provider named, else for each that is set up or would run on this machine."""
    from dragoman.cli.standing import standing, standings
    from dragoman.client import Client

    catalogue = around.catalogue()
    if names:
        chosen = [standing(catalogue.provider(name), around) for name in names]
    else:
        chosen = [one for one in standings(around, catalogue) if one.row.local or one.key_place or one.base_url_variable]
    if not chosen:
        return []
    with Client(environment=around.environment) as client, ThreadPoolExecutor(min(16, len(chosen))) as pool:
        return list(pool.map(lambda one: _examine_one(client, one, timeouts), chosen))


def _examine_one(client: Client, one: Standing, timeouts: Timeouts) -> Finding:
    from dragoman.cli.reach import asked
    from dragoman.core.errors import DragomanError, MissingKey, ProviderError, UsageError

    begun_s = time.monotonic()
    try:
        told = asked(client, one.row, timeouts, even_without_key=True)
    except MissingKey as error:
        return _finding(one, "key missing", advice=redacted(error.message))
    except UsageError as error:
        return _finding(one, "unreachable", advice=redacted(describe(error)))
    except ProviderError as error:  # it is who gives out tokens that refused
        return _finding(one, "key refused", status=error.status, seconds=time.monotonic() - begun_s, advice=redacted(describe(error)))
    except DragomanError as error:
        seconds = time.monotonic() - begun_s
        if one.row.local and one.base_url_variable is None:
            return _finding(one, "not running", seconds=seconds, advice=f"start {one.row.title} to use it")
        return _finding(one, "unreachable", seconds=seconds, advice=_advice_for(one, error))
    return _judge(one, told, time.monotonic() - begun_s)


def _judge(one: Standing, told: Asked, seconds: float) -> Finding:
    one = msgspec.structs.replace(one, key_place=told.found or one.key_place)  # who asks a machine knows only then whether it gives any
    state, advice = _meaning(one, told.reply)
    found = _finding(one, state, status=told.reply.status, seconds=seconds, advice=advice)
    return found if told.ends_epoch_s is None else msgspec.structs.replace(found, key_ends=_instant(told.ends_epoch_s))


def _instant(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _meaning(one: Standing, reply: Reply) -> tuple[State, str]:
    if one.lacks_key:
        return "key missing", f"it answers; {_set_key(one)}"
    if reply.status in (401, 403):
        place = one.key_place or "a key"
        return "key refused", f"put a valid key into {place}" if one.key_place else "it wants a key: " + _set_key(one)
    if reply.status >= 500:
        return "failing", f"it answers with status {reply.status}: try again later"
    model = one.row.default_model
    if one.row.local and model is None:
        return _local_meaning(one, reply)
    return "ready", f"dragoman chat -m {one.name} …" if model else f"dragoman chat -m {one.name}/MODEL …"


def _local_meaning(one: Standing, reply: Reply) -> tuple[State, str]:
    """Something answers on the customary port; whether it is a model's server, its list of models tells."""
    from dragoman.cli.reach import names_in
    from dragoman.core.errors import DragomanError

    try:
        names = names_in(reply, one.row)
    except DragomanError:
        return "not running", f"something else than {one.row.title} answers there"
    if not names:
        return "failing", "it runs and has no model: load one"
    return "ready", f"dragoman chat -m {one.name}/{names[0]} …"


def _advice_for(one: Standing, error: Exception) -> str:
    from dragoman.core.errors import ConnectFailed, DragomanError, TimedOut

    assert isinstance(error, DragomanError)
    words = redacted(" ".join(error.message.split()))
    if one.is_gone:
        return f"{words}; {one.row.note or 'the service is believed to be gone'}"
    if isinstance(error, TimedOut):
        return f"{words}; look at network, proxy and firewall, or wait longer with --timeout"
    if isinstance(error, ConnectFailed):
        return f"{words}; look at {one.base_url_variable or 'network, proxy and firewall'}"
    return words


def _set_key(one: Standing) -> str:
    return f"export {one.row.auth.variables[0]}=…" if one.row.auth.variables else f"{one.name} = … in keys.toml"


def _finding(one: Standing, state: State, *, status: int | None = None, seconds: float | None = None, advice: str = "") -> Finding:
    elapsed = None if seconds is None else round(seconds, 3)
    return Finding(name=one.name, state=state, key=one.key_words, base_url=one.base_url, status=status, seconds=elapsed, advice=advice)


# --- the machine ------------------------------------------------------------------------------------------------------------------------


_EXTRAS: Final = {
    "cli": "prompt_toolkit",
    "server": "prometheus_client",
    "compression": "zstandard",
    "prices": "genai_prices",
    "google": "cryptography",
    "import": "yaml",
    "otel": "opentelemetry",
}
"""The package's extras, and for each a module that it brings."""


def machine(around: Surroundings) -> dict[str, Any]:
    """What matters of this machine: versions, extras, proxy, folder."""
    import platform
    from importlib.util import find_spec

    from dragoman import __version__

    home = around.home
    present = [name for name, module in _EXTRAS.items() if find_spec(module)]
    return {
        "dragoman": __version__,
        "python": platform.python_version(),
        "extras": present,
        "extras_missing": [name for name in _EXTRAS if name not in present],
        "proxy": _proxies(around),
        "folder": f"{home}{'' if home.is_dir() else ' (not there, and not needed)'}",
        "unknown_keys": _unknown_keys(around),
    }


def _unknown_keys(around: Surroundings) -> list[str]:
    """The names in the key file that are no provider's, each with the nearest ones: a key under a wrong name is never looked at."""
    from dragoman.catalogue.load import nearest

    known = around.catalogue().names()
    return [f"{name!r} is no provider; {nearest(name, known)}" for name in around.stored_names() if name not in known]


def _proxies(around: Surroundings) -> dict[str, str]:
    """The variables that send requests through a proxy, without user and password."""
    from dragoman.transport.target import shown

    names = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")
    present = [name for lower in names for name in (lower, lower.upper()) if around.environment.get(name)]
    return {name: shown(around.environment[name]) for name in present}


# --- shown ------------------------------------------------------------------------------------------------------------------------------


def _show(out: Console, findings: list[Finding], facts: dict[str, Any]) -> None:
    from rich.text import Text

    proxy = ", ".join(f"{name}={value}" for name, value in facts["proxy"].items()) or "none"
    say(out, f"dragoman {facts['dragoman']}, Python {facts['python']}, with {', '.join(facts['extras']) or 'no extras'}")
    if facts["extras_missing"]:
        say(out, Text(f"without {', '.join(facts['extras_missing'])}; all of it: pip install 'dragoman[all]'", "dim"))
    say(out, Text.assemble(("proxy:  ", "dim"), proxy))
    say(out, Text.assemble(("folder: ", "dim"), f"{facts['folder']}\n"))
    for words in facts["unknown_keys"]:
        say(out, Text.assemble(("keys.toml: ", "yellow"), words))
    if findings:
        _show_findings(out, findings)
    ready = [one for one in findings if one.state == "ready"]
    if not ready:
        from dragoman.cli.choice import NOTHING_CONFIGURED

        if all(one.state in ("not running", "key missing") for one in findings):
            say(out, f"\n{NOTHING_CONFIGURED}")
        else:
            say(out, Text("\nNone of them can be used now.", "yellow"))


def _show_findings(out: Console, findings: list[Finding]) -> None:
    from rich.text import Text

    shown = [one for one in findings if one.state != "not running"]
    if shown:
        print_rows(out, ("provider", "state", "time", "key", "address"), list(map(_row, shown)))
        out.print()
    for one in shown:
        if one.advice:
            mark = Text("✓ ", "green") if one.state == "ready" else Text("→ ", "yellow")
            say(out, Text.assemble(mark, (one.name, "bold"), ": ", one.advice))
    idle = [one.name for one in findings if one.state == "not running"]
    if idle:
        say(out, Text(f"not running on this machine: {', '.join(idle)}", "dim"))


def _row(one: Finding) -> tuple[Text | str, ...]:
    from rich.text import Text

    elapsed = "" if one.seconds is None else f"{one.seconds:.2f} s"
    key = f"{one.key}, until {one.key_ends}" if one.key_ends else one.key
    return Text(one.name, "bold"), Text(one.state, _COLOURS[one.state]), elapsed, key, one.base_url
