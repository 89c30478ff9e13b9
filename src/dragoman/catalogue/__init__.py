"""Which providers there are, as data: one TOML row each. Imports the core only; names a dialect by a string and never loads it."""
