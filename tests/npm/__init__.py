"""The vendors' own clients for node, unchanged, as callers of the gateway. ``make test-clients`` installs and runs them."""
