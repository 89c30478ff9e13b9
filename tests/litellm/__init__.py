"""LiteLLM's SDK as a caller of the gateway. It wants an older version of OpenAI's SDK than these tests have, so it stands apart."""
