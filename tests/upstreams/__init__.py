"""Servers that others wrote, as upstreams of our client. They are installed into a cache folder, so these tests run only when asked for."""
