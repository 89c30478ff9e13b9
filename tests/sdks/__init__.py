"""The vendors' own SDKs as clients of our server roles: everything that a dialect carries, asked and answered."""
