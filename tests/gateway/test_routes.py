"""Where the name of a model leads, by the face at which it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import UnknownModel
from dragoman.core.exchange import Timeouts
from dragoman.gateway.config.tables import ModelTable
from dragoman.gateway.routes import Routes

CLAUDE, CODEX, GEMINI_CLI = "anthropic_messages", "openai_responses", "gemini"
ALL: Mapping[str, tuple[str, ...]] = {"openai": (), "anthropic": (), "gemini": (), "openrouter": ()}


def targets(name: str, face: str, providers: Mapping[str, tuple[str, ...]] = ALL) -> tuple[str, ...]:
    own = {"gpt-99-own": ModelTable(targets=("anthropic/claude-sonnet-4-5",))}
    return Routes(Catalogue(), providers, own, Timeouts()).find(name, face).targets


@pytest.mark.parametrize("face", [CLAUDE, CODEX, GEMINI_CLI])
def test_a_bare_name_that_a_vendor_lists_goes_there_from_every_face(face: str) -> None:
    assert targets("claude-sonnet-4-5", face) == ("anthropic/claude-sonnet-4-5",)
    assert targets("gpt-4.1", face) == ("openai/gpt-4.1",)


@pytest.mark.parametrize(
    ("name", "face", "vendor"),
    [("claude-opus-99", CLAUDE, "anthropic"), ("gpt-99-sol", CODEX, "openai"), ("gemini-99-pro-preview", GEMINI_CLI, "gemini")],
)
def test_a_version_that_no_list_has_yet_is_the_vendors_of_the_face(name: str, face: str, vendor: str) -> None:
    assert targets(name, face) == (f"{vendor}/{name}",)


@pytest.mark.parametrize(
    ("name", "face", "providers"),
    [
        ("gpt-nobody", CODEX, ALL),
        ("claude-opus-99", CODEX, ALL),
        ("nobody-99", CLAUDE, ALL),
        ("gpt-4.1-minni", CODEX, ALL),
        ("claude-opus-99", CLAUDE, {"openai": ()}),
        ("claude-opus-99", CLAUDE, {"anthropic": ("claude-sonnet-4-5",)}),
    ],
    ids=[
        "no version",
        "another vendor's face",
        "no model of the vendor's",
        "a word that is none of its models'",
        "a vendor that is not served",
        "a vendor of whom the file names all",
    ],
)
def test_any_other_name_is_not_served(name: str, face: str, providers: Mapping[str, tuple[str, ...]]) -> None:
    with pytest.raises(UnknownModel, match="is not served here"):
        targets(name, face, providers)


def test_a_name_of_the_files_own_stands_before_all() -> None:
    assert targets("gpt-99-own", CODEX) == ("anthropic/claude-sonnet-4-5",)
