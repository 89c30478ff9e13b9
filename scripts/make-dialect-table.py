"""Write docs/reference/dialects.md: what each dialect carries, in which role and form, and who but us has checked it.

What the two roles carry is read from the tables of tests/pairs, which the tests hold the code against; what the vendors' SDKs have checked
from those of tests/sdks. What recorded traffic has checked stands in docs/reference/capabilities.toml, where each mark names a test. With
``--check`` nothing is written, and a page that is out of date fails; with ``--seen`` it prints which capabilities the recorded traffic of
DRAGOMAN_CASSETTES shows, for that file.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Call, decode
from dragoman.core.fold import fold
from dragoman.wire.dialects import dialect
from dragoman.wire.operations import MODULES
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import exchanges, uncut
from tests.pairs.answers import ASPECTS
from tests.pairs.features import FEATURES
from tests.pairs.table import ANSWER_CELLS, ANSWER_REASONS, CARRIED, CELLS, DIALECTS, QUIET, REASONS, REFUSED, WARNED
from tests.sdks.matrix import ANSWERS_TEST, REQUESTS_TEST, SDKS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "dialects.md"
DATA = ROOT / "docs" / "reference" / "capabilities.toml"
COLUMNS = ("client", "server", "streamed", "SDK-checked", "cassette-checked")
YES = "✓"
NOTHING = "nothing to check"
HEAD = """# What each dialect carries

Made by `scripts/make-dialect-table.py`; do not edit. *Client* is how we call a provider, *server* how others call us, *streamed* whether it
comes as it is said. *SDK-checked* names a test in which the vendor's own SDK is the judge, *cassette-checked* one in which recorded traffic
of the real service is. {marks} marks what comes back equal from both roles together, which `tests/pairs` tests for every dialect by itself
and for every pair. A cell without a mark says why.
"""
BESIDES = """
## Besides answers

Each row is one module for one wire, which may be that of several dialects. Both roles are held against each other by
`tests/wire/operations`, and the emulator serves them all.
"""
WHY = {
    WARNED: "left out or said otherwise, named in a warning",
    REFUSED: "refused as `Unsupported`: no place on this wire",
    "-": "no word for it on this wire",
}


def load() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text())


def said_by_both(rule: dict[str, str], name: str) -> str:
    """The mark of client and server, or the reason for none."""
    if "request" in rule:
        feature = rule["request"]
        mark = CELLS[feature][name]
        return YES if mark == CARRIED else REASONS[feature, name] if mark == QUIET else WHY[mark]
    aspect = rule["answer"]
    mark = ANSWER_CELLS[aspect][name]
    return YES if mark == CARRIED else ANSWER_REASONS[aspect] if mark == QUIET else WHY[mark]


def row(capability: str, rule: dict[str, str], name: str, data: dict[str, Any]) -> list[str]:
    both = data["dialects"][name].get("reasons", {}).get(capability) or said_by_both(rule, name)
    streamed = both if "answer" in rule else "part of the question, the same for both forms"
    return [both, both, streamed, sdk_cell(rule, name, data) if both == YES else NOTHING, recorded_cell(capability, name, data, both)]


def sdk_cell(rule: dict[str, str], name: str, data: dict[str, Any]) -> str:
    """The test in which the vendor's SDK asks or shows it, or why it cannot."""
    sdk = SDKS.get(name)
    if sdk is None:
        reason: str = data["dialects"][name]["without_sdk"]
        return reason
    wanted = rule.get("request") or rule["answer"]
    test = REQUESTS_TEST if "request" in rule else ANSWERS_TEST
    cell: str = sdk.BEYOND.get(wanted, f"`{test}`")
    return cell


def recorded_cell(capability: str, name: str, data: dict[str, Any], both: str) -> str:
    """The test that reads it in recorded traffic, or that none of it has it."""
    told = data["dialects"][name]
    test = told.get("cassettes", {}).get(capability)
    if test:
        return f"`{test}`"
    if both != YES:
        return NOTHING
    return told.get("without_cassettes") or f"in none of the {told['exchanges']} exchanges recorded"


def page() -> str:
    data = load()
    parts = [HEAD.format(marks=YES)]
    for name in DIALECTS:
        parts += [f"\n## {name}\n", f"| capability | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
        parts += [f"| {one} | {' | '.join(row(one, rule, name, data))} |" for one, rule in data["capabilities"].items()]
    return "\n".join([*parts, *operations(data)]) + "\n"


def operations(data: dict[str, Any]) -> list[str]:
    """The table of what can be asked besides an answer, by the modules that speak it."""
    spoken: dict[str, list[tuple[str, str]]] = {}
    for place, module in MODULES.items():
        spoken.setdefault(module, []).append(place)
    rows = []
    for module, places in spoken.items():
        told = data["operations"][module]
        dialects = ", ".join(dialect for dialect, _ in places)
        rows.append([places[0][1], dialects, YES, YES, told["streamed"], *map(linked, (told["sdk"], told["cassettes"]))])
    head = ["operation", "dialects", *COLUMNS]
    return [BESIDES, f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def linked(told: str) -> str:
    """A test by its name, or a reason."""
    return f"`{told}`" if "::" in told else told


def tests_named() -> set[str]:
    """Every test that the data names, as path::function."""
    checked = load()["dialects"].values()
    besides = [told[judge] for told in load()["operations"].values() for judge in ("sdk", "cassettes")]
    recorded_in = [test for one in checked for test in one.get("cassettes", {}).values()]
    return {REQUESTS_TEST, ANSWERS_TEST, *recorded_in, *(told for told in besides if "::" in told)}


def missing_tests() -> list[str]:
    """Those of them that are not there."""
    return sorted(test for test in tests_named() if not is_there(test))


def is_there(test: str) -> bool:
    path, _, function = test.partition("::")
    found = ROOT / path
    return found.is_file() and re.search(rf"^(async )?def {re.escape(function)}\(", found.read_text(), re.MULTILINE) is not None


# --- what recorded traffic shows --------------------------------------------------------------------------------------------------------


def recorded(pattern: str) -> list[tuple[bool, Any]]:
    """The exchanges that did not fail, and whether each is streamed."""
    kinds = {"json": False, "stream": True}
    return [(streaming, one) for kind, streaming in kinds.items() for one in exchanges(f"{pattern.removesuffix('*')}*{kind}")]


def body_of(response: Any) -> bytes:
    body = response.get("body")
    if body is None:
        return base64.b64decode(response["body_b64"])
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def seen_in(name: str, pattern: str) -> dict[str, int]:
    """How often each capability occurs in the recordings, as our own decoders read them."""
    counts: dict[str, int] = {}
    rules = load()["capabilities"]
    for streaming, exchange in recorded(pattern):
        asked, told = exchange["request"], exchange["response"]
        found: dict[str, Any] = {}
        try:
            call = Call("POST", asked.get("url") or asked.get("path") or "", (), json.dumps(uncut(asked["body"])).encode())
            request = dialect(name).decode_request(call, NONE)
            found |= {one: FEATURES[rule["request"]].see(request) for one, rule in rules.items() if "request" in rule}
        except (DragomanError, AssertionError, ValueError):
            pass
        try:
            response = fold(decode(dialect(name).decoder(streaming, NONE), [body_of(told)]))
            found |= {one: ASPECTS[rule["answer"]](response) for one, rule in rules.items() if "answer" in rule}
        except (DragomanError, ValueError):
            pass
        for one, value in found.items():
            counts[one] = counts.get(one, 0) + bool(value)
    return {one: count for one, count in counts.items() if count}


def main() -> None:
    if "--seen" in sys.argv[1:]:
        for name, one in load()["dialects"].items():
            if "recordings" in one:
                sys.stdout.write(f"{name}, of {len(recorded(one['recordings']))} exchanges: {seen_in(name, one['recordings'])}\n")
        return
    text = page()
    absent = missing_tests()
    if absent:
        raise SystemExit(f"{DATA}: there are no such tests: {', '.join(absent)}")
    if "--check" in sys.argv[1:]:
        if PAGE.read_text() != text:
            raise SystemExit(f"{PAGE} is out of date; run {Path(__file__).name}")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
