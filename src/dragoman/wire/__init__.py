"""Wire dialects and framings, sans I/O: bytes to events and back. Imports the core only; knows no clock, network or chance."""
