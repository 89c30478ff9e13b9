"""Amazon Bedrock's Converse and ConverseStream, in both roles.

Documentation: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and …_ConverseStream.html, and the service
description in botocore 1.44.5, all read 2026-11-21. Read the parts in this order: ``forms`` (media types), ``redacted``, ``families`` (what
single makers' models want), ``content`` (blocks), ``messages`` (turns), ``request``, ``usage``, ``decoder``, ``encoder``, ``errors``.

Known to be so on this wire, and unlike others:

- The model stands in the path, percent-encoded, and ``-stream`` behind the path asks for a streamed answer, which comes as Amazon's binary
  event stream (``wire.eventstream``), the names of its events outside of their JSON.
- An answer has no id and names no model; the request's id is in the header ``x-amzn-requestid``.
- A tool's arguments are a JSON object. Those of an answer are carried as the exact text of that object, those of a request are written into
  the body as the exact text that the model wrote; only a caller's request that is decoded here gets its blanks normalised. So does the
  schema of a response format, which the wire carries as a text of JSON.
- Turns must alternate, names of documents must differ, and ids of calls hold few characters: neighbours of one role are joined, and names
  and ids that would be refused are replaced.
- ``inputTokens`` leaves out what the cache read and wrote; our totals include both.
"""

from dragoman.wire.bedrock_converse.decoder import decoder, read_whole
from dragoman.wire.bedrock_converse.encoder import encoder
from dragoman.wire.bedrock_converse.errors import decode_error, encode_error
from dragoman.wire.bedrock_converse.request import PATH, ROUTES, decode_request, encode_request

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]
