"""What LiteLLM calls things, and why some of them have no place here.

Names as LiteLLM's documentation has them (https://docs.litellm.ai/docs/proxy/config_settings, read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDERS: Final[Mapping[str, str]] = {
    "azure_text": "azure",
    "cohere_chat": "cohere",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
    "nano-gpt": "nano_gpt",
    "ollama": "ollama_native",
    "ollama_chat": "ollama_native",
    "vertex_ai": "vertex",
    "vertex_ai_beta": "vertex",
}
"""Providers that have another name here; Ollama's own wire is the row ``ollama_native``."""
ANY_OPENAI: Final = frozenset({"openai_like", "custom_openai"})
"""Servers of one's own that speak OpenAI's chat; so does ``openai`` with a foreign address."""
BARE: Final = ("openai", "anthropic", "gemini", "mistral", "cohere", "deepseek", "xai")
"""Whose a model's name without a provider is, in this order."""

CONNECTION: Final = frozenset({"api_key", "api_base", "base_url", "api_version", "organization", "extra_headers"})
CLOUD_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "bedrock": {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
        "aws_region_name": "region",
        "aws_profile_name": "profile",
        "aws_role_name": "role_arn",
        "aws_session_name": "role_session_name",
        "aws_external_id": "external_id",
    },
    "vertex": {"vertex_credentials": "credentials", "vertex_project": "project", "vertex_location": "location"},
    "azure": {"azure_ad_token": "token", "tenant_id": "tenant_id", "client_id": "client_id", "client_secret": "client_secret"},
}
"""By provider here: its parts of a key, and what they are called here."""
CARRIED: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"model_list", "litellm_settings", "router_settings", "general_settings", "include"}),
    "model_list": frozenset({"model_name", "litellm_params", "blocked"}),
    "litellm_params": CONNECTION
    | {"model", "custom_llm_provider", "order", "timeout", "aws_bedrock_runtime_endpoint"}
    | {part for parts in CLOUD_PARTS.values() for part in parts},
    "litellm_settings": frozenset({"fallbacks", "default_fallbacks", "num_retries", "request_timeout", "json_logs"}),
    "router_settings": frozenset({"fallbacks", "default_fallbacks", "num_retries", "timeout", "model_group_alias"}),
    "general_settings": frozenset({"master_key"}),
}
"""What becomes something here, by block."""
HOLDS_ANYWAY: Final = frozenset(
    {
        "drop_params",  # what a provider does not take is left out with a warning
        "set_verbose",
        "ignore_invalid_deployments",
        "routing_strategy_args",  # told with routing_strategy
        "cache_params",  # told with cache
        "use_in_pass_through",
        "disable_spend_logs",
        "turn_off_message_logging",
        "redact_user_api_key_info",
    }
)
"""What needs nothing here."""

_LIMITS: Final = "how much a target is asked is not limited here"
_COSTS: Final = "prices come from the price lists (the extra prices)"
_KEEPS: Final = "nothing is kept here"
_ACCOUNTS: Final = "callers and their keys stand in the file; there is no database of them"
REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("rpm", "tpm", "itpm", "otpm", "tpd", "rpd", "max_parallel_requests", "default_max_parallel_requests"), _LIMITS),
    **dict.fromkeys(("global_max_parallel_requests",), "limits.requests bounds the whole gateway; say the number there"),
    **dict.fromkeys(("max_budget", "budget_duration", "provider_budget_config", "max_end_user_budget"), "there are no budgets here"),
    **dict.fromkeys(("cache", "caching_groups", "cache_responses"), _KEEPS),
    **dict.fromkeys(("database_url", "store_model_in_db", "key_generation_settings", "default_team_params", "custom_auth"), _ACCOUNTS),
    **dict.fromkeys(("redis_host", "redis_port", "redis_password", "redis_url", "redis_db"), "machines share no state here"),
    **dict.fromkeys(("input_cost_per_token", "output_cost_per_token"), _COSTS),
    **dict.fromkeys(("tags", "tag_regex", "enable_tag_filtering"), "requests are not routed by tags here"),
    **dict.fromkeys(
        ("success_callback", "failure_callback", "callbacks", "service_callbacks"), "there are no callbacks; traces go to [otel] endpoint"
    ),
    **dict.fromkeys(
        ("allowed_fails", "cooldown_time", "disable_cooldowns", "allowed_fails_policy"), "no target is set aside after failures"
    ),
    **dict.fromkeys(
        ("context_window_fallbacks", "content_policy_fallbacks"), "targets follow one another after any failure, not after one kind"
    ),
    **dict.fromkeys(
        ("retry_policy", "model_group_retry_policy"), "which failures are tried again is the same for all; max_retries says how often"
    ),
    "max_retries": "max_retries holds for all models together",
    "num_retries": "max_retries holds for all models together",
    "routing_strategy": "targets are tried in their order; load is not spread over them",
    "weight": "targets are tried in their order; load is not spread over them",
    "stream_timeout": "one wait holds for streamed and whole answers; timeouts.first_token bounds both",
    "environment_variables": "set it in the environment of the gateway",
    "additional_drop_params": "quirks.drop of a provider of one's own leaves fields out, for all its models",
    "extra_body": "quirks.constants of a provider of one's own sends fields always, for all its models",
    "mock_response": "`dragoman emulate` answers without a provider",
    "background_health_checks": "`dragoman doctor` looks after providers",
    "blocked": "a model that is blocked is left out",
    "model_info": "what is known of models comes from the catalogue",
    "litellm_credential_name": "keys stand at the provider; write it there",
    "aws_web_identity_token": "a web identity's token stands in a file: write its path into the key, as web_identity_token_file",
    "configurable_clientside_auth_params": "callers never bring a provider's key here",
    "pass_through_endpoints": "paths of others are not passed through",
    "mcp_servers": "there are no MCP servers here",
    "guardrails": "there are no guardrails here",
}
OF_A_REQUEST: Final = (
    "a request's default for one model; callers say it, or quirks.defaults of a provider of one's own says it for all its models"
)
UNKNOWN: Final = "nothing of the kind is here"
