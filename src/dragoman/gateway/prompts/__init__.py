"""Prompts on their way through the gateway: what was asked, where it goes, how the answer comes back."""
