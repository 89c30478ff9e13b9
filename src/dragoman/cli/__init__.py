"""The command line: one file a command, each a thin call into the library. Nothing is loaded before it is needed."""

from __future__ import annotations

import sys

_PACKAGES = ("typer", "rich", "prompt_toolkit", "click", "markdown_it", "pygments")


def main() -> None:
    """What the command ``dragoman`` runs. Ends with 0, 1 (a provider or the network failed), 2 (wrong use) or 130 (Ctrl-C)."""
    try:
        from dragoman.cli.app import run

        run()
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        sys.stderr.write("The command line needs a few packages that the library does not. Install them with:\n\n    ")
        sys.stderr.write("pip install 'dragoman[cli]'\n")
        raise SystemExit(2) from None
