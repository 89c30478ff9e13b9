"""Deepgram: speech and transcription; no prompts are answered here.

Documentation: https://developers.deepgram.com/reference, with the types of the vendor's SDK deepgram-sdk 7.17 where they say more; read
2026-11-21. Everything but the text or the sound stands in the query. Each operation is a module of its own; ``errors`` is what both share.
"""
