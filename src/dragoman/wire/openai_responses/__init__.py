"""OpenAI's Responses, in both roles; also the wire of Open Responses.

Documentation: https://platform.openai.com/docs/api-reference/responses, OpenAI's OpenAPI description 2.3.0 and the Open Responses schema of
2026-07-15 (https://www.openresponses.org), all read 2026-11-21. Where the two differ OpenAI's form is written and both are read.

A conversation is a list of *items* here. One message item is one or more of our text parts, which remember the item that they belong to; a
reasoning item is one ``Reasoning``, a call of a tool that the caller runs one ``ToolCall``; every other item is an ``Opaque`` part that
holds the item as it came, so that a replay is the vendor's own. Two defaults are not those of chat: a function tool without ``strict`` is
strict, and answers are stored unless ``store`` is false.

Read the parts in this order: ``content``, ``tools`` with ``free_text`` and ``calls``, ``messages`` and ``request`` (encode and decode),
``decoder``, ``encoder`` with ``items`` and ``response``, ``errors``.
"""

from dragoman.wire.openai_responses.decoder import decoder, read_whole
from dragoman.wire.openai_responses.encoder import encoder
from dragoman.wire.openai_responses.errors import decode_error, encode_error
from dragoman.wire.openai_responses.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
