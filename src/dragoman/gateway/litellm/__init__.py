"""A LiteLLM ``config.yaml`` as a ``dragoman.toml``."""
