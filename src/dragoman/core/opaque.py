"""Names for what a vendor sends and we only carry.

``Json`` is a parsed JSON value that this package does not look into (a tool's schema, a vendor's private field). ``Extra`` maps the
name of a dialect to what that dialect alone has; it survives a round trip through that dialect and is ignored by the others.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Json]
Extra: TypeAlias = dict[str, JsonObject]
Number: TypeAlias = int | float
"""As the caller wrote it: 1 is sent as ``1`` and not as ``1.0``."""
