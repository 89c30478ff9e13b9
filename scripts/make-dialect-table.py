"""Write docs/reference/dialects.md: what each dialect carries, in which role and form, and who but us has checked it.

What the two roles carry is read from the tables of tests/pairs, which the tests hold the code against. Who has checked it stands in
docs/reference/capabilities.toml, where each mark names a test. With ``--check`` nothing is written, and a page that is out of date fails;
with ``--seen`` it prints which capabilities the recorded traffic of DRAGOMAN_CASSETTES shows, for that file.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Call, decode
from dragoman.core.fold import fold
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import FOLDER
from tests.pairs.answers import ASPECTS
from tests.pairs.features import FEATURES
from tests.pairs.table import ANSWER_CELLS, ANSWER_REASONS, CARRIED, CELLS, DIALECTS, QUIET, REASONS, REFUSED, WARNED

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "dialects.md"
DATA = ROOT / "docs" / "reference" / "capabilities.toml"
COLUMNS = ("client", "server", "streamed", "SDK-checked", "cassette-checked")
YES = "✓"
HEAD = """# What each dialect carries

Made by `scripts/make-dialect-table.py`; do not edit. *Client* is how we call a provider, *server* how others call us, *streamed* whether it
comes as it is said. *SDK-checked* names a test in which the vendor's own SDK is the judge, *cassette-checked* one in which recorded traffic
of the real service is. {marks} marks what comes back equal from both roles together, which `tests/pairs` tests for every dialect by itself
and for every pair. A cell without a mark says why.
"""
WHY = {
    WARNED: "left out or said otherwise, named in a warning",
    REFUSED: "refused as `Unsupported`: no place on this wire",
    "-": "no word for it on this wire",
}


def load() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text())


def said_by_both(capability: str, rule: dict[str, str], name: str) -> str:
    """The mark of client and server, or the reason for none."""
    if "request" in rule:
        feature = rule["request"]
        mark = CELLS[feature][name]
        return YES if mark == CARRIED else REASONS[feature, name] if mark == QUIET else WHY[mark]
    aspect = rule["answer"]
    mark = ANSWER_CELLS[aspect][name]
    return YES if mark == CARRIED else ANSWER_REASONS[aspect] if mark == QUIET else WHY[mark]


def row(capability: str, rule: dict[str, str], name: str, data: dict[str, Any]) -> list[str]:
    both = said_by_both(capability, rule, name)
    streamed = both if "answer" in rule else "part of the question, the same for both forms"
    checked = data["dialects"][name]
    cells = [both, both, streamed]
    for judge in ("sdk", "cassettes"):
        test = checked.get(judge, {}).get(capability)
        if test:
            cells.append(f"`{test}`")
        elif both != YES:
            cells.append("nothing to check")
        else:
            cells.append(checked[f"without_{judge}"])
    return cells


def page() -> str:
    data = load()
    parts = [HEAD.format(marks=YES)]
    for name in DIALECTS:
        parts += [f"\n## {name}\n", f"| capability | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
        parts += [f"| {one} | {' | '.join(row(one, rule, name, data))} |" for one, rule in data["capabilities"].items()]
    return "\n".join(parts) + "\n"


def tests_named() -> set[str]:
    """Every test that the data names, as path::function."""
    checked = load()["dialects"].values()
    return {test for one in checked for judge in ("sdk", "cassettes") for test in one.get(judge, {}).values()}


def missing_tests() -> list[str]:
    """Those of them that are not there."""
    return sorted(test for test in tests_named() if not is_there(test))


def is_there(test: str) -> bool:
    path, _, function = test.partition("::")
    found = ROOT / path
    return found.is_file() and re.search(rf"^(async )?def {re.escape(function)}\(", found.read_text(), re.MULTILINE) is not None


# --- what recorded traffic shows --------------------------------------------------------------------------------------------------------


def exchanges(pattern: str) -> Iterator[tuple[bool, Any]]:
    for path in sorted(FOLDER.glob(f"{pattern}.jsonl.gz")):
        if path.name.split(".")[-3] in ("json", "stream"):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                yield from ((".stream." in path.name, json.loads(line)) for line in lines)


def body_of(response: Any) -> bytes:
    body = response.get("body")
    if body is None:
        return base64.b64decode(response["body_b64"])
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def seen_in(name: str, pattern: str) -> dict[str, int]:
    """How often each capability occurs in the recordings, as our own decoders read them."""
    counts: dict[str, int] = {}
    rules = load()["capabilities"]
    for streaming, exchange in exchanges(pattern):
        asked, told = exchange["request"], exchange["response"]
        found: dict[str, Any] = {}
        try:
            call = Call("POST", asked.get("url") or asked.get("path") or "", (), json.dumps(asked["body"]).encode())
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
            sys.stdout.write(f"{name} {seen_in(name, one['recordings']) if 'recordings' in one else {}}\n")
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
