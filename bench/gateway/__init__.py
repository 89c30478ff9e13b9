"""The gateway's speed, against nginx as a reverse proxy on the same core: ``make bench-gateway``.

Two cores: the program measured has the first to itself, the load and the provider behind it share the second. Every figure of a program
is taken right after one of nginx, and only their ratio is worth quoting.
"""
