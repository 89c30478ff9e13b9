"""Callers' keys are recognised by their digests, and shown nowhere."""

from __future__ import annotations

import hashlib

import pytest

from dragoman.gateway.client_keys import ClientKeys, hash_of, is_hash, new_key
from dragoman.gateway.config.tables import KeyTable

CLEAR = "a-key-in-the-clear-0123456789"


def test_a_new_key_is_recognised_by_its_hash_alone() -> None:
    key, hashed = new_key()
    keys = ClientKeys({"web": KeyTable(hash=hashed)})
    assert keys.name_of(key) == "web"
    assert hashed == f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def test_new_keys_are_long_and_differ() -> None:
    made = [new_key()[0] for _ in range(100)]
    assert len(set(made)) == 100
    assert all(key.startswith("dgm-") and len(key) == 4 + 43 for key in made)


def test_each_key_has_its_own_name() -> None:
    key, hashed = new_key()
    keys = ClientKeys({"web": KeyTable(hash=hashed), "night": KeyTable(key=CLEAR)})
    assert (keys.name_of(key), keys.name_of(CLEAR)) == ("web", "night")
    assert len(keys) == 2


@pytest.mark.parametrize("presented", ["", "dgm-", CLEAR[:-1], CLEAR + "x", CLEAR.upper(), hash_of(CLEAR), "ключ", "\udc80", "x" * 100_000])
def test_what_is_nobodys_key_has_no_name(presented: str) -> None:
    assert ClientKeys({"night": KeyTable(key=CLEAR)}).name_of(presented) is None


def test_without_keys_it_is_false_and_knows_nobody() -> None:
    keys = ClientKeys({})
    assert not keys
    assert keys.name_of("") is None
    assert ClientKeys({"night": KeyTable(key=CLEAR)})


@pytest.mark.parametrize(
    ("patterns", "model", "allowed"),
    [
        ((), "anything", True),
        (("fast",), "fast", True),
        (("fast",), "faster", False),
        (("openai/*",), "openai/gpt-4.1", True),
        (("openai/*",), "anthropic/claude-sonnet-4-5", False),
        (("*-mini", "fast"), "openai/gpt-4.1-mini", True),
        (("a.c",), "abc", False),
        (("*/gpt-*",), "azure/gpt-4.1", True),
        (("fast",), "slow\nfast", False),
    ],
)
def test_patterns_say_which_models_a_key_may_ask_for(patterns: tuple[str, ...], model: str, allowed: bool) -> None:
    assert ClientKeys({"web": KeyTable(key=CLEAR, models=patterns)}).allows("web", model) is allowed


def test_a_key_prints_nowhere() -> None:
    table = KeyTable(key=CLEAR, models=("fast",))
    assert CLEAR not in repr(table) + repr(ClientKeys({"night": table}))
    assert "models=('fast',)" in repr(table)


@pytest.mark.parametrize("text", ["sha256:" + "0" * 63, "sha256:" + "G" * 64, "md5:" + "0" * 32, "0" * 64, "sha256:" + "A" * 64, ""])
def test_other_texts_are_no_hashes(text: str) -> None:
    assert not is_hash(text)
    assert is_hash(new_key()[1])
