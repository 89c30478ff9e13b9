"""A plain key goes where the provider's row says, and nowhere else."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call
from dragoman.sign.key import PLACES, bearer, in_header, in_query

CALL = Call("POST", "https://host/v1/x", (("accept", "a"), ("authorization", "old"), ("x-key", "old")), b"{}")


def test_a_bearer_key_is_the_authorization() -> None:
    assert bearer(CALL, "k").headers == (("accept", "a"), ("x-key", "old"), ("authorization", "Bearer k"))


def test_another_word_may_stand_before_a_bearer_key() -> None:
    assert bearer(CALL, "k", "Token").headers == (("accept", "a"), ("x-key", "old"), ("authorization", "Token k"))


def test_a_key_in_a_header_of_its_own_stands_alone_in_it() -> None:
    assert in_header(CALL, "k", "X-Key").headers == (("accept", "a"), ("authorization", "old"), ("x-key", "k"))


@pytest.mark.parametrize(
    ("url", "signed"), [("https://host/x", "https://host/x?key=k"), ("https://host/x?a=b", "https://host/x?a=b&key=k")]
)
def test_a_key_in_the_query_is_added_to_it(url: str, signed: str) -> None:
    assert in_query(Call("POST", url), "k", "key").url == signed


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_any_key_comes_out_of_the_query_as_it_went_in(secret: str) -> None:
    url = in_query(Call("POST", "https://host/x?a=b"), secret, "key").url
    assert parse_qs(urlsplit(url).query) == {"a": ["b"], "key": [secret]}


@pytest.mark.parametrize("place", ["header", "query"])
@pytest.mark.parametrize("name", [None, ""])
def test_a_place_that_needs_a_name_says_so(place: str, name: str | None) -> None:
    with pytest.raises(UsageError, match=r"auth\.name: it is missing"):
        PLACES[place](CALL, "k", name)


@pytest.mark.parametrize("place", sorted(PLACES))
def test_signing_leaves_the_call_itself_as_it_was(place: str) -> None:
    signed = PLACES[place](CALL, "k", "name")
    assert signed is not CALL
    assert (signed.method, signed.body, signed.warnings) == (CALL.method, CALL.body, CALL.warnings)
    assert CALL.headers[1] == ("authorization", "old")
