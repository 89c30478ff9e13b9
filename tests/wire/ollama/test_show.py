"""The card of a model, as Ollama tells it."""

from __future__ import annotations

import json

import pytest

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call
from dragoman.wire.ollama.show import CAPABILITIES, Card, decode_show, encode_loaded, encode_show, encode_version


@pytest.mark.parametrize("body", [b'{"model":"a"}', b'{"name":"a"}', b'{"model":"a","name":"b","verbose":true}'])
def test_the_model_is_named_as_new_and_old_clients_do(body: bytes) -> None:
    assert decode_show(Call("POST", "/api/show", (), body)) == "a"


@pytest.mark.parametrize("body", [b"{}", b'{"model":""}', b'{"model":1}', b"no json"])
def test_what_names_no_model_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decode_show(Call("POST", "/api/show", (), body))


def test_what_is_unknown_is_not_told() -> None:
    told = json.loads(encode_show(Card(family="f")).body)

    assert (told["capabilities"], told["model_info"]) == (["completion"], {"general.architecture": "f"})


def test_all_that_is_known_is_told() -> None:
    card = Card(family="f", context_tokens=8, output_tokens=4, embedding=True, tools=True, vision=True, thinking=True)
    told = json.loads(encode_show(card).body)

    assert told["capabilities"] == list(CAPABILITIES)
    assert told["model_info"] == {"general.architecture": "f", "f.context_length": 8, "f.output_length": 4}


def test_what_is_asked_of_the_server_itself() -> None:
    assert json.loads(encode_loaded().body) == {"models": []}
    assert list(json.loads(encode_version().body)) == ["version"]
