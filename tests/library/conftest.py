"""The emulator's fixture, whether or not the package is installed; and ``emulated``, all five first providers at once."""

from __future__ import annotations

import pytest

from dragoman.emulator import Emulator
from dragoman.testing import EmulatorFactory, dragoman_emulator
from tests.library.talk import NAMES

__all__ = ["dragoman_emulator"]


@pytest.fixture
def emulated(dragoman_emulator: EmulatorFactory) -> Emulator:
    """Every first provider, saying back what was said."""
    return dragoman_emulator(NAMES)
