"""The vocabulary: immutable values and the error tree. Imports msgspec and the standard library, nothing of ours."""
