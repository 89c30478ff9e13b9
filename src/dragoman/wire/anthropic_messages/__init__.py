"""Anthropic's messages, in both roles; the wire of Claude Code, and copied by several hosts.

Documentation: https://platform.claude.com/docs/en/api/messages, …/build-with-claude/streaming, …/api/errors and the types of the vendor's
Python SDK 2.11.0, all read 2026-11-21. Read the parts in this order: ``content`` (blocks), ``messages`` (turns), ``request``, ``usage``,
``decoder``, ``encoder``, ``errors``; ``count`` is the vendor's token counting, which shares the request.

Known to be so on this wire, and unlike others:

- ``max_tokens`` is required; where a caller gave none, ``request.DEFAULT_MAX_TOKENS`` is sent.
- A tool's arguments are a JSON object, not a text. Those of an answer are carried as the exact text of that object, those of a request are
  written into the body as the exact text that the model wrote; only a caller's request that is decoded here gets its blanks normalised.
- Every event of a stream is named, and ``message_stop`` ends it; a ``message_delta`` with a stop reason says that the content is complete.
- ``input_tokens`` leaves out what the cache read and wrote; our totals include both.
"""

from dragoman.wire.anthropic_messages.decoder import decoder, read_whole
from dragoman.wire.anthropic_messages.encoder import encoder
from dragoman.wire.anthropic_messages.errors import decode_error, encode_error
from dragoman.wire.anthropic_messages.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
