"""What each dialect says of each feature, as its own documentation has it; the tests hold the code against this table.

Parameters that a wire has no word for are left out with a warning, content that it has no place for is refused (``docs/decisions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DIALECTS: Final = (
    *("openai_chat", "raycast", "ollama", "cohere"),
    *("anthropic_messages", "gemini", "openai_responses", "bedrock_converse", "openai_completions"),
)
MODELS: Final = {"bedrock_converse": "anthropic.claude-sonnet-4-5-20250929-v1:0", "gemini": "gemini-2.5-flash"}
"""A model's name for the dialects in which it matters; what others write there is replaced, as a gateway does."""

CARRIED, WARNED, REFUSED, QUIET = "C", "w", "R", "."
MARKS: Final = {
    CARRIED: "comes back equal",
    WARNED: "left out or said otherwise, and named in a warning",
    REFUSED: "Unsupported, before anything is sent",
    QUIET: "said otherwise without a word, for the reason in REASONS",
}

GRID: Final = """
                           openai    raycast   ollama    cohere    anthropic gemini    openai    bedrock   openai
                           chat                                    messages            responses converse  completions
stream                     C         C         C         C         C         C         C         C         C
system                     C         C         C         C         C         C         C         C         R
several turns              C         C         C         C         C         C         C         C         R
image by data              C         R         C         C         C         C         C         C         R
image by URL               C         R         R         C         C         C         C         R         R
image detail               C         R         w         C         w         w         C         w         R
document by data           C         R         R         R         C         C         C         C         R
document by URL            R         R         R         R         C         C         C         R         R
document by id             C         R         R         R         C         C         C         R         R
name of a document         C         R         R         R         C         w         C         C         R
audio                      C         R         R         R         R         C         R         C         R
tools                      C         w         C         C         C         C         C         C         w
strict tools               C         w         w         C         C         w         C         C         w
tool choice: auto          C         w         .         .         C         C         C         C         w
tool choice: none          C         w         w         C         C         C         C         w         w
tool choice: required      C         w         w         C         C         C         C         C         w
tool choice: one tool      C         w         w         w         C         C         C         C         w
parallel calls forbidden   C         w         w         w         C         w         C         w         w
tool call and result       C         R         C         C         C         C         C         C         R
several calls in a turn    C         R         C         C         C         C         C         C         R
picture from a tool        C         R         C         R         C         C         C         C         R
document from a tool       C         R         R         R         C         C         C         C         R
failed tool                w         R         w         w         C         C         w         C         R
reasoning, unsigned        w         w         C         C         w         C         w         w         R
reasoning, signed          w         w         w         w         C         w         C         C         R
reasoning, hidden          w         w         w         w         C         w         C         C         R
refusal said before        C         R         w         w         w         w         C         w         R
source cited before        w         w         w         w         w         w         C         w         R
name of a speaker          C         w         w         w         w         w         w         w         R
max_output_tokens          C         w         C         C         C         C         C         C         C
stop                       C         w         C         C         C         C         w         C         C
temperature                C         C         C         C         C         C         C         C         C
top_p                      C         w         C         C         C         C         C         C         C
top_k                      C         w         C         C         C         C         w         C         w
seed                       C         w         C         C         w         C         w         w         C
presence_penalty           C         w         C         C         w         C         C         w         C
frequency_penalty          C         w         C         C         w         C         C         w         C
n                          C         w         w         w         w         C         w         w         C
logprobs                   C         w         C         C         w         C         C         w         C
top_logprobs               C         w         C         w         w         C         C         w         C
JSON answer                C         w         C         C         w         C         C         w         w
JSON answer by schema      C         w         C         C         C         C         C         C         w
schema's name              C         w         w         w         w         w         C         C         w
schema's description       C         w         w         w         w         w         C         C         w
schema strict              C         w         .         .         .         .         C         .         w
reasoning effort           C         w         C         w         C         .         C         C         w
reasoning budget           w         w         w         C         C         C         w         C         w
reasoning on               w         w         C         C         C         C         w         C         w
reasoning off              w         w         C         C         C         C         w         C         w
reasoning summary          w         w         w         w         w         C         C         w         w
metadata                   C         w         w         w         w         w         C         C         w
user                       C         w         w         w         C         w         C         w         C
"""

_COLUMN: Final = 27
CELLS: Final[Mapping[str, Mapping[str, str]]] = {
    line[:_COLUMN].strip(): dict(zip(DIALECTS, line[_COLUMN:].split(), strict=True)) for line in GRID.splitlines()[3:]
}

ALWAYS_KEPT: Final = "the wire has no such word because an answer always keeps to its schema"
ALWAYS_AUTO: Final = "the wire has no such word because the model always decides where nothing else is asked"
REASONS: Final[Mapping[tuple[str, str], str]] = {
    ("tool choice: auto", "ollama"): ALWAYS_AUTO,
    ("tool choice: auto", "cohere"): ALWAYS_AUTO,
    ("schema strict", "ollama"): ALWAYS_KEPT,
    ("schema strict", "cohere"): ALWAYS_KEPT,
    ("schema strict", "anthropic_messages"): ALWAYS_KEPT,
    ("schema strict", "gemini"): ALWAYS_KEPT,
    ("schema strict", "bedrock_converse"): ALWAYS_KEPT,
    ("reasoning effort", "gemini"): "models before Gemini 3 take a number of tokens, and each effort has its own",
}

OFF: Final = "nothing is to be spent where reasoning is off"

MADE: Final[Mapping[tuple[str, str], str]] = {
    ("stream", "raycast"): "always streamed",
    **{("schema's name", name): "the wire requires one" for name in ("openai_chat", "openai_responses")},
    ("temperature", "raycast"): "0.5, as the service's own program sent it",
    ("max_output_tokens", "anthropic_messages"): "the wire requires a limit",
    ("tool choice: auto", "anthropic_messages"): "that calls are not to be parallel is said within the choice",
    ("tool choice: required", "cohere"): "instead of one tool of several, with a warning",
    ("reasoning on", "cohere"): "instead of an effort, with a warning",
    ("reasoning on", "ollama"): "instead of a budget, with a warning",
    ("reasoning, unsigned", "ollama"): "the text of signed reasoning, with a warning",
    ("reasoning, unsigned", "cohere"): "the text of signed reasoning, with a warning",
    ("reasoning, unsigned", "gemini"): "the text of signed reasoning, with a warning",
    ("logprobs", "openai_completions"): "one field holds both",
    ("name of a document", "openai_chat"): "the wire wants one beside bytes",
    ("name of a document", "openai_responses"): "the wire wants one beside bytes",
    ("name of a document", "bedrock_converse"): "the wire requires one",
    ("reasoning budget", "gemini"): "of an effort",
}
"""What is seen in a dialect's request though nobody asked for it, and why."""

MOOT: Final[Mapping[tuple[str, str], str]] = {
    ("parallel calls forbidden", "anthropic_messages"): "with the choice 'none' there are no calls to forbid",
}
"""What is carried by itself and dropped beside something else, as it then says nothing."""

GIVES_WAY: Final[Mapping[tuple[str, str], str]] = {
    **{("reasoning budget", name): OFF for name in ("cohere", "anthropic_messages", "gemini", "bedrock_converse")},
    ("reasoning effort", "ollama"): OFF,
    ("reasoning summary", "gemini"): OFF,
    **{(what, "bedrock_converse"): "left out with the choice 'none', which the wire cannot say" for what in ("tools", "strict tools")},
}
"""What is carried by itself and left out beside something else, with a warning."""


# --- answers ----------------------------------------------------------------------------------------------------------------------------

LEFT_OUT: Final = "-"
ANSWER_GRID: Final = """
                           openai    raycast   ollama    cohere    anthropic gemini    openai    bedrock   openai
                           chat                                    messages            responses converse  completions
id                         C         -         -         C         C         C         .         -         C
model                      C         -         C         -         C         C         C         -         C
text                       C         C         C         C         C         C         C         C         C
reasoning                  C         -         C         C         C         C         C         C         -
reasoning's signature      -         -         -         -         C         -         C         C         -
refusal                    C         .         .         .         .         .         C         .         .
tool calls                 C         R         C         C         C         C         C         C         R
exact arguments            C         R         C         C         C         C         C         C         R
ids of calls               C         R         C         C         C         C         C         C         R
sources                    C         -         -         C         C         C         C         C         -
picture                    C         R         C         R         R         C         C         C         R
sound                      C         .         .         .         .         C         .         .         R
what is said in a sound    C         .         .         .         .         C         .         .         R
logprobs                   C         -         C         C         -         C         C         -         C
several choices            C         -         -         -         -         C         -         -         C
finish: stop               C         C         C         C         C         C         C         C         C
finish: length             C         C         C         C         C         C         C         C         C
finish: tool_calls         C         C         C         C         C         C         C         C         C
finish: content_filter     C         C         C         C         C         C         C         C         C
usage                      C         -         C         C         C         C         C         C         C
cached tokens read         C         -         -         C         C         C         C         C         C
cached tokens written      C         -         -         -         C         -         C         C         C
reasoning tokens           C         -         -         -         C         C         C         -         C
"""
"""An answer cannot warn once it is under way, so what a wire has no word for is left out (``-``): each is a word about the answer and none
of it, which would be refused. Of a refusal the words come as text, and of a sound what is said in it (``.``)."""

ANSWER_CELLS: Final[Mapping[str, Mapping[str, str]]] = {
    line[:_COLUMN].strip(): dict(zip(DIALECTS, line[_COLUMN:].split(), strict=True)) for line in ANSWER_GRID.splitlines()[3:]
}
ANSWER_REASONS: Final[Mapping[str, str]] = {
    "id": "an answer's id has the vendor's form",
    "refusal": "its words are text",
    "sound": "what is said in it is text; Bedrock has a place for sound in a whole answer alone",
    "what is said in a sound": "it is text",
}
