"""Google's Gemini API, ``generateContent``, in both roles; spoken by the Gemini Developer API and by Vertex AI.

Documentation: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/thought-signatures and
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference, with the types of the SDK google-genai 3.4 where they say
more; all read 2026-11-21. The model stands in the path, streaming is a method of its own (``streamGenerateContent``), answered as an event
stream where ``alt=sse`` is asked for and else as one JSON array that grows.

Read the parts in this order: ``parts`` and ``messages`` (a conversation both ways), ``request``, ``decoder`` (with ``candidate`` and
``arguments``), ``encoder``, ``errors``; ``framing`` cuts an answer into chunks; ``usage``, ``sources`` and ``schema`` are what their names
say. ``count_tokens`` and ``embed`` are calls of their own.
"""

from dragoman.wire.gemini.decoder import decoder, read_whole
from dragoman.wire.gemini.encoder import encoder
from dragoman.wire.gemini.errors import decode_error, encode_error
from dragoman.wire.gemini.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
