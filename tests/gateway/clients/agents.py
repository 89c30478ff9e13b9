"""Requests as coding agents send them: long, with whatever their vendor's wire has.

Sources, read 2026-11-21: for Claude Code what its maker says that a gateway gets (https://code.claude.com/docs/en/llm-gateway-protocol) and
a capture of its traffic (https://qntx.sbvh.nl/research/claude-api-wire-format.html); for Codex its source (``openai/codex``,
``codex-rs/codex-api/src/common.rs``). The words are ours, the fields theirs.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from dragoman.emulator.media import png

from .play import SIGNATURE

LONG: Final = "Keep to the style of the files round it; say what was done, and what was not. \u2714 <tag> \\n \n" * 1400
PNG: Final = png(8, 8, b"\x10\x20\x30")
BETAS: Final = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
    "prompt-caching-scope-2026-01-05,advanced-tool-use-2025-11-20,effort-2025-11-24"
)
CLAUDE_HEADERS: Final = {
    "accept": "application/json",
    "anthropic-beta": BETAS,
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "authorization": "Bearer key-of-the-agent-0001",
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.69 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "b4e5aaaa-9a3e-47c4-84ad-3a70f38c676e",
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "600",
}
CACHED: Final = {"cache_control": {"type": "ephemeral"}}
DRAFT: Final = "http://json-schema.org/draft-07/schema#"


def _tool(name: str, **properties: Any) -> dict[str, Any]:
    schema = {
        "$schema": DRAFT,
        "type": "object",
        "properties": properties,
        "required": list(properties)[:1],
        "additionalProperties": False,
    }
    return {"name": name, "description": f"{name}. " + LONG[:1500], "input_schema": schema}


_PATH: Final = {"type": "string", "description": "The absolute path."}
TOOLS: Final = (
    _tool("Read", file_path=_PATH, offset={"type": "integer", "exclusiveMinimum": 0}, limit={"type": "integer", "maximum": 2000}),
    _tool(
        "Edit",
        file_path=_PATH,
        old_string={"type": "string"},
        new_string={"type": "string"},
        replace_all={"type": "boolean", "default": False},
    ),
    _tool("Bash", command={"type": "string"}, timeout={"type": "number"}, run_in_background={"type": "boolean"}),
    _tool("Grep", pattern={"type": "string"}, output_mode={"type": "string", "enum": ["content", "count"]}, glob={"type": "string"}),
    _tool(
        "TodoWrite",
        todos={
            "type": "array",
            "items": {"type": "object", "properties": {"content": {"type": "string", "minLength": 1}}, "required": ["content"]},
        },
    ),
    {**_tool("mcp__tracker__search", query={"anyOf": [{"type": "string"}, {"type": "null"}]}), **CACHED},
)

THOUGHTS: Final = (
    {"type": "thinking", "thinking": "Which file is it?", "signature": SIGNATURE},
    {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="},
)
CALLS: Final = (
    {"type": "tool_use", "id": "toolu_01A", "name": "Read", "input": {"file_path": "/a/b.py"}},
    {"type": "tool_use", "id": "toolu_01B", "name": "Bash", "input": {"command": "ls -la \u00fc", "timeout": 1000}},
)
RESULTS: Final = (
    {"type": "tool_result", "tool_use_id": "toolu_01A", "content": "     1\u2192import os\n"},
    {
        "type": "tool_result",
        "tool_use_id": "toolu_01B",
        "is_error": True,
        "content": [
            {"type": "text", "text": "No such directory."},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}},
        ],
        **CACHED,
    },
)


def claude_body(model: str, last: str) -> dict[str, Any]:
    """A third turn, whose last words are ``last``."""
    return {
        "model": model,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>\nMind the notes.\n</system-reminder>"},
                    {"type": "text", "text": last},
                ],
            },
            {"role": "assistant", "content": [*THOUGHTS, {"type": "text", "text": "I look."}, *CALLS]},
            {"role": "user", "content": [*RESULTS, {"type": "text", "text": "<system-reminder>\nGo on.\n</system-reminder>"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "There is none."}]},
            {"role": "user", "content": [{"type": "text", "text": last, **CACHED}]},
        ],
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.69; cc_entrypoint=cli;"},
            {"type": "text", "text": "You are a coding agent.", **CACHED},
            {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "tools": list(TOOLS),
        "metadata": {"user_id": "user_0784_account__session_b4e5aaaa"},
        "max_tokens": 32000,
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "stream": True,
    }


CODEX_HEADERS: Final = {
    "accept": "text/event-stream",
    "authorization": "Bearer key-of-the-agent-0001",
    "content-type": "application/json",
    "conversation_id": "0199-a",
    "originator": "codex_cli_rs",
    "session_id": "0199-a",
    "user-agent": "codex_cli_rs/0.139.0 (Debian 12; x86_64) xterm",
    "version": "0.139.0",
}
GRAMMAR: Final = 'start: "*** Begin Patch" LF hunk+ "*** End Patch"\nhunk: /.+/ LF\nLF: /\\n/\n'
PATCH: Final = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
}


def _function(name: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)[:1], "additionalProperties": False}
    return {"type": "function", "name": name, "description": f"{name}.", "strict": False, "parameters": schema}


SHELL: Final = _function(
    "shell", command={"type": "array", "items": {"type": "string"}}, workdir={"type": "string"}, timeout_ms={"type": "number"}
)
PLAN: Final = _function("update_plan", plan={"type": "array", "items": {"type": "object", "properties": {"step": {"type": "string"}}}})


HUNK: Final = '*** Begin Patch\n*** Add File: a.py\n+print("\u00fc \\n")\n*** End Patch\n'
BROUGHT: Final = {
    "type": "additional_tools",
    "id": "at_0199",
    "role": "developer",
    "tools": [
        {"type": "namespace", "name": "functions", "description": "", "tools": [{**PATCH, "name": "exec"}, PLAN]},
        {"type": "namespace", "name": "team", "description": "Others.", "tools": [_function("ask", whom={"type": "string"})]},
    ],
}
"""How Codex brings its tools for models of the newest kind, of which one runs programs that call the others."""


def codex_body(model: str, last: str, *tools: Any) -> dict[str, Any]:
    """A second turn, whose last words are ``last``."""

    def said(role: str, text: str, kind: str = "input_text") -> dict[str, Any]:
        return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}

    arguments = json.dumps({"command": ["bash", "-lc", "ls"], "workdir": "/a"})
    return {
        "model": model,
        "instructions": LONG,
        "input": [
            said("developer", "<permissions instructions>\nRead only.\n</permissions instructions>"),
            said("user", "<environment_context>\n  <cwd>/a</cwd>\n</environment_context>"),
            said("user", last),
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "**Looking**"}],
                "content": None,
                "encrypted_content": SIGNATURE,
            },
            said("assistant", "I look.", "output_text"),
            {"type": "function_call", "name": "shell", "arguments": arguments, "call_id": "call_1"},
            {"type": "function_call_output", "call_id": "call_1", "output": "Exit code: 0\nOutput:\nb.py\n"},
            said("user", last),
        ],
        "tools": [SHELL, PLAN, *tools],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199-a",
        "text": {"verbosity": "medium"},
    }


def dumped(body: dict[str, Any]) -> bytes:
    """As JavaScript and Rust write JSON: without blanks, letters as they are."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
