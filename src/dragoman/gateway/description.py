"""The gateway described: an OpenAPI document of its own routes, made from the table of faces, and the page at ``/``.

Both say only what this program serves anywhere, so no key is wanted for them: which providers and models this gateway has, a caller learns
from the lists. OpenAPI: https://spec.openapis.org/oas/v3.1.0, read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

from dragoman import __version__
from dragoman.gateway.faces import CARD, KEPT, LISTING, LOADED, ONE_MODEL, PROMPTS, VERSION, Face, Faces
from dragoman.server.answer import Answer
from dragoman.wire.quirks import NONE

_TITLES: Final = {
    "openai_chat": "OpenAI",
    "openai_completions": "OpenAI, legacy completions",
    "openai_responses": "OpenAI Responses",
    "anthropic_messages": "Anthropic",
    "gemini": "Gemini",
    "ollama": "Ollama",
    "cohere": "Cohere",
    "bedrock_converse": "Amazon Bedrock",
    "raycast": "Raycast",
    "voyage": "Voyage AI",
    "deepgram": "Deepgram",
    "elevenlabs": "ElevenLabs",
}
_DOES: Final = {
    PROMPTS: "Answer a prompt",
    LISTING: "List the models that are served",
    ONE_MODEL: "One of the models that are served",
    KEPT: "A kept response",
    CARD: "What is known of a model",
    LOADED: "The models that are in memory: none",
    VERSION: "The version of Ollama whose wire this is",
    "embed": "Embed texts",
    "rank": "Rank documents",
    "generate_image": "Make or edit pictures",
    "speak": "Read a text aloud",
    "transcribe": "Write down what is said",
    "moderate": "Judge whether a text breaks the rules",
    "count_tokens": "Count the tokens of a prompt",
}
_FORMS: Final = {"transcribe": "multipart/form-data"}
_ALSO: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("gemini", PROMPTS): ("/v1beta/models/{model}:streamGenerateContent",),
    ("gemini", "embed"): ("/v1beta/models/{model}:embedContent",),
    ("ollama", PROMPTS): ("/api/generate",),
    ("ollama", "embed"): ("/api/embeddings",),
    ("bedrock_converse", PROMPTS): ("/model/{model}/converse-stream",),
    ("openai_chat", "generate_image"): ("/v1/images/edits",),
}
"""Further paths of a face, which its dialect reads besides the first."""
_OWN: Final = (
    ("get", "/", "This page", False),
    ("get", "/openapi.json", "This description", False),
    ("get", "/health/live", "Whether the process is there", False),
    ("get", "/health/ready", "Whether it takes requests", False),
    ("get", "/metrics", "Counts for Prometheus", True),
    ("post", "/admin/reload", "Read the configuration anew", True),
)
_PAGE_HEADERS: Final = (
    ("content-type", "text/html; charset=utf-8"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)


def openapi(faces: Faces) -> dict[str, Any]:
    """The document. Each face stands at its customary path."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, keyed in _OWN:
        paths.setdefault(path, {})[method] = _operation(f"dragoman{path}", "dragoman", summary, path, keyed=keyed)
    for method, path, face in _every_path(faces):
        if method.lower() not in paths.get(path, {}):  # a vendor's list of models may stand where another's does
            name = f"{face.dialect}:{face.does}:{method}:{path}"
            body = None if method in ("GET", "DELETE") else _FORMS.get(face.does, "application/json")
            title = path.split("/")[1].title() if face.quirks != NONE else _TITLES.get(face.dialect, face.dialect)
            paths.setdefault(path, {})[method.lower()] = _operation(name, title, _DOES.get(face.does, face.does), path, body)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dragoman",
            "version": __version__,
            "description": "Every dialect in, every provider out. Bodies are those of each vendor's own documentation.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {"securitySchemes": _SCHEMES},
    }


def _every_path(faces: Faces) -> Iterator[tuple[str, str, Face]]:
    for method, path, face in faces.table():
        yield method, path, face
        if face.quirks == NONE:
            yield from ((method, other, face) for other in _ALSO.get((face.dialect, face.does), ()))


_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
    "x-goog-api-key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "key": {"type": "apiKey", "in": "query", "name": "key"},
}
"""Any of them is taken at any face."""


def _operation(name: str, tag: str, summary: str, path: str, body: str | None = None, *, keyed: bool = True) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"),
        "tags": [tag],
        "summary": summary,
        "parameters": [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in re.findall(r"{(\w+)}", path)],
        "responses": {"200": {"description": "As the vendor documents it; streamed where that was asked for."}},
        "security": [{scheme: []} for scheme in _SCHEMES] if keyed else [],
    }
    if body is not None:
        told["requestBody"] = {"required": True, "content": {body: {"schema": {"type": "object"}}}}
        told["responses"]["4XX"] = {"description": "The failure in the vendor's own form."}
        told["responses"]["5XX"] = told["responses"]["4XX"]
    return told


@cache
def _page_text() -> str:
    return files("dragoman.gateway").joinpath("page.html").read_text(encoding="utf-8")


def page(*, keyed: bool) -> Answer:
    """What a person sees who opens the gateway's address."""
    text = _page_text().replace("{{version}}", __version__).replace("{{keyed}}", "true" if keyed else "false")
    return Answer(200, _PAGE_HEADERS, text.encode())
