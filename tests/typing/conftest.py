"""The emulator's fixture, whether or not the package is installed."""

from dragoman.testing import dragoman_emulator

__all__ = ["dragoman_emulator"]
