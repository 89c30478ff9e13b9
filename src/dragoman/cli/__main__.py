"""``python -m dragoman.cli``: the command without its script."""

from dragoman.cli import main

main()
