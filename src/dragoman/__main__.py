"""``python -m dragoman``: the command without its script."""

from dragoman.cli import main

main()
