"""OpenAI's legacy completions, in both roles: a prompt in, its continuation out, streamed or whole.

Documentation: https://platform.openai.com/docs/api-reference/completions, read 2026-11-21. A prompt is one message of the user's, and the
continuation is text; what this wire has no place for (roles, tools, media) is refused by name. Errors are those of chat.
"""

from dragoman.wire.openai_chat.errors import decode_error, encode_error
from dragoman.wire.openai_completions.decoder import decoder, read_whole
from dragoman.wire.openai_completions.encoder import encoder
from dragoman.wire.openai_completions.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
