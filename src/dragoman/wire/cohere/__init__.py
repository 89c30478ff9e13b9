"""Cohere's chat, version 2 of its interface (``/v2/chat``), in both roles.

Documentation: https://docs.cohere.com/v2/reference/chat, https://docs.cohere.com/v2/docs/streaming and the OpenAPI description of
2026-08-20 (https://github.com/cohere-ai/cohere-developer-experience), read 2026-11-21. Version 1 is another wire, which Cohere keeps for
older programs only; it is not spoken here. What one should know:

- ``tool_plan``, in which models that do not think say what they are about to call, is a reasoning block marked ``{"tool_plan": true}`` in
  ``extra["cohere"]``; by that mark it goes back as ``tool_plan``. Reasoning without the mark is content of type ``thinking``.
- A citation becomes one ``Source`` for each of its sources, all with its ``start`` and ``end``. The citation itself stands in ``extra`` of
  each, with the number of the source; back it goes once, with the first. In events a ``SourceAdded`` names the block that cites.
- Of the two counts in ``usage``, ``tokens`` is ours: what the model read and wrote, the vendor's preamble with it, and ``cached_tokens`` is
  part of it. ``billed_units``, which leaves the preamble out, stays in ``Usage.raw``.
- ``ERROR`` and ``TIMEOUT`` are no ways to finish but failures, and raised.
- A log-probability belongs to a piece of text that may be several tokens: the first has the text, the others none. The vendor's own
  records, with the tokens' numbers, are in ``Finished.extra``; streamed pieces are written without the numbers, which no event carries.
- A document among a tool's results is a ``Text`` of its data, with the whole block in ``extra``.
- Content that is one plain text is a string; ``"response_format": {"type": "text"}``, ``"stream": false`` and null mean nothing.

Read the parts in this order: ``messages``, ``citations``, ``request``, ``decoder``, ``encoder``, ``errors``; ``embed`` and ``rerank`` are
endpoints beside the chat.
"""

from dragoman.wire.cohere.decoder import decoder, read_whole
from dragoman.wire.cohere.encoder import encoder
from dragoman.wire.cohere.errors import decode_error, encode_error
from dragoman.wire.cohere.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
