"""Ollama's own wire, ``/api/chat`` and ``/api/generate``, in both roles.

Documentation: https://docs.ollama.com/api with its OpenAPI description, and the request and answer types of the server itself
(https://github.com/ollama/ollama, ``api/types.go`` and ``server/routes.go`` of 2026-08-21), all read 2026-11-21.

A streamed answer is a JSON object a line, and an answer is streamed unless the request says ``"stream": false``. What one should know:

- Which of the two endpoints a request is for stands in ``extra["ollama"]["generate"]``: an object, there only for ``/api/generate``, with
  the fields that it alone has (``template``, ``context``, ``suffix``, ``raw``). Prompt, system and images are messages as everywhere.
- Sampling stands in ``options``; those that we have no field for are kept in ``extra["ollama"]["options"]``.
- A tool's arguments are an object. Of an answer its exact text is taken; a request is parsed as a whole, so there the text is the object
  written anew, without blanks, keys in their order. On the way out the exact text becomes part of the body.
- Older servers give calls no id, and results are told by the tool's name. Where an id is missing one is made of the answer's time
  and the call's position (``made_id``), the same for the same bytes and another in each turn; such an id is never sent upstream. Ids
  that a server gave are sent back, as its newer versions want.
- Empty strings, empty lists, ``"raw": false`` and null mean the same as nothing: a request decoded and encoded again is without them.

Read the parts in this order: ``messages``, ``request``, ``decoder``, ``encoder``, ``errors``; ``embed`` and ``tags`` are endpoints beside
the chat.
"""

from dragoman.wire.ollama.decoder import decoder, read_whole
from dragoman.wire.ollama.encoder import encoder
from dragoman.wire.ollama.errors import decode_error, encode_error
from dragoman.wire.ollama.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
