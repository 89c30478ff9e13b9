"""Tests of the transport: the protocol without I/O, and each behaviour once over every driver against servers on loopback."""
