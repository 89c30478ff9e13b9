"""ElevenLabs: speech and transcription; no prompts are answered here.

Documentation: https://elevenlabs.io/docs/api-reference, with the types of the vendor's SDK elevenlabs 2.78 where they say more; read
2026-11-21. Each operation is a module of its own; ``errors`` is what both share.
"""
