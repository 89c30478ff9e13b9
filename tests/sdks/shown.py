"""What the readings of the SDKs have in common: their types, and calls compared by their meaning."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

Ask: TypeAlias = Callable[[Any], object]
"""What one SDK's client is made to ask."""
Shown: TypeAlias = dict[str, Any]
"""What one SDK gives out of an answer, by aspects of ``tests.pairs.answers``."""


def by_meaning(told: Any) -> Any:
    """Arguments of calls as values, whether an SDK gives their text or has read them."""
    return [(name, json.loads(given or "{}") if isinstance(given, str) else given) for name, given in told]
