"""The names of types that the provider contract uses."""

from collections.abc import Generator
from typing import TypeAlias

Message: TypeAlias = dict[str, str]
"""One turn: ``{"role": "user", "content": "…"}``."""

Messages: TypeAlias = list[Message]

CreateResult: TypeAlias = str | Generator[str, None, None]
"""The whole text, or its pieces as they come."""

__all__ = ["CreateResult", "Message", "Messages"]
