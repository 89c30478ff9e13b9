"""``dragoman.toml``: the form of each table, reading the file, and what makes sense in it."""
