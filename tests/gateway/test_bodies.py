"""A patched body differs from the one that was given in its model alone, whatever else is in it and however long it is."""

from __future__ import annotations

import json

import pytest

from dragoman.gateway.prompts.bodies import with_model, with_name_asked, without_unsigned

LONG = [{"role": "user", "content": 'a "model" : "b" and \\u006d ' * 400}, {"model": "nested", "\u00e9": [1, {"model": 2}]}]
NESTED = {"messages": LONG}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "given", "messages": LONG},
        {"messages": LONG, "model": "given"},
        {"stream": True, "messages": LONG, "model": "given", "tools": []},
        {"model": "given", "prompt": "a" * 9000},
        {"model": "given", "messages": []},
        {"model": "given", "messages": [], "tools": [{"model": "x" * 9000}]},
        {"model": "given", "seed": int("1" * 4000), "a": 1},
        {'odd "messages': LONG, "model": "given"},
    ],
    ids=["first", "last", "amid", "a text", "short", "in tools", "a long number", "an odd key"],
)
@pytest.mark.parametrize("spaced", [True, False])
def test_the_model_alone_is_changed(body: dict[str, object], spaced: bool) -> None:
    separators = (" , ", " : ") if spaced else (",", ":")
    given = json.dumps(body, separators=separators).encode()
    wanted = json.dumps({**body, "model": "wanted"}, separators=separators).encode()
    assert with_model(given, "given", "wanted") == wanted
    assert with_model(wanted, "wanted", "wanted") == wanted


def test_a_prompt_that_stands_elsewhere_too_is_left_as_it_is() -> None:
    given = {"metadata": NESTED, "model": "given", "messages": LONG}
    assert json.loads(with_model(json.dumps(given).encode(), "given", "wanted")) == {**given, "model": "wanted"}


@pytest.mark.parametrize("second", ['"model"', '"\\u006dodel"', '"mod\\u0065l"'])
@pytest.mark.parametrize("at_end", [True, False])
def test_a_model_that_stands_twice_is_one_model(second: str, at_end: bool) -> None:
    long = json.dumps(LONG)
    fields = [f'"messages":{long}', f'{second}:"other"']
    given = ('{"model":"given",' + ",".join(fields if at_end else fields[::-1]) + "}").encode()
    patched = with_model(given, "other", "wanted")
    pairs = json.loads(patched, object_pairs_hook=lambda pairs: pairs)
    assert [value for name, value in pairs if name == "model"] == ["wanted"]


def test_a_second_model_behind_a_copy_of_the_prompt_is_found() -> None:
    long = json.dumps(LONG)
    given = f'{{"a":{{"messages":{long}}},"model":"one","model":"two","messages":{long}}}'.encode()
    pairs = json.loads(with_model(given, "two", "wanted"), object_pairs_hook=lambda pairs: pairs)
    assert [value for name, value in pairs if name == "model"] == ["wanted"]


def said(*blocks: object) -> dict[str, object]:
    return {"role": "assistant", "content": list(blocks)}


UNSIGNED, SIGNED = ({"type": "thinking", "thinking": "Hm", "signature": signature} for signature in ("", "c2ln"))
TEXT = {"type": "text", "text": 'I wrote "signature":"" there.'}
HI = {"role": "user", "content": "Hi"}


def test_thinking_that_nobody_signed_is_left_out_and_nothing_else() -> None:
    body = {"model": "m", "messages": [HI, said(UNSIGNED, TEXT), HI, said(UNSIGNED), HI, said(SIGNED, TEXT)], "brand_new": 1.0}
    warnings: list[str] = []
    told = json.loads(without_unsigned(json.dumps(body, separators=(",", ":")).encode(), warnings))
    assert told == {**body, "messages": [HI, said(TEXT), HI, HI, said(SIGNED, TEXT)]}
    assert len(warnings) == 1


@pytest.mark.parametrize("messages", [[HI, said(SIGNED, TEXT)], [HI, said(TEXT)], "odd", [5, {"content": "Hi"}]])
def test_a_body_without_such_thinking_stays_byte_for_byte(messages: object) -> None:
    body = json.dumps({"messages": messages, "a": {"signature": ""}}, separators=(",", ":")).encode()
    warnings: list[str] = []
    assert without_unsigned(body, warnings) is body
    assert not warnings


@pytest.mark.parametrize("between", [":", ": ", " :\n "])
def test_an_answer_calls_its_model_as_the_caller_did(between: str) -> None:
    told = '{"type":"message","model"%s"told-1","content":[{"input":{"model":"told-1"}}]}'
    assert with_name_asked((told % between).encode(), "told-1", 'a/"b"') == (told % between).replace("told-1", 'a/\\"b\\"', 1).encode()


def test_an_answer_that_tells_another_model_or_none_stays_as_it_is() -> None:
    for told in (b'{"model":"told-10"}', b'{"content":[{"text":"\\"model\\":\\"told-1\\""}]}', b""):
        assert with_name_asked(told, "told-1", "asked") == told
