"""OpenAI's chat completions, in both roles; by far the most copied wire.

Documentation: https://platform.openai.com/docs/api-reference/chat and OpenAI's OpenAPI description 2.3.0, both read 2026-11-21. Hosts that
copy it differ in small ways, which are ``Quirks``. Read the parts in this order: ``request`` (encode and decode), ``decoder``,
``encoder``, ``errors``.
"""

from dragoman.wire.openai_chat.decoder import decoder, read_whole
from dragoman.wire.openai_chat.encoder import encoder
from dragoman.wire.openai_chat.errors import decode_error, encode_error
from dragoman.wire.openai_chat.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
