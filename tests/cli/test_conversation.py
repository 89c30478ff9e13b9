"""The conversation without a terminal: what is sent, what is kept, what a file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.cli.conversation import Conversation
from dragoman.core.errors import UsageError
from dragoman.core.fold import Choice, Response
from dragoman.core.messages import AnyPart, Reasoning, Text


def answer(text: str, *more: AnyPart) -> Response:
    return Response(choices=(Choice(parts=(*more, Text(text=text)) if text else more),))


def told(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in conversation.messages]


def test_each_question_carries_all_that_was_said() -> None:
    talk = Conversation("openai/gpt-4")
    talk.ask("one")
    talk.answered(answer("first"))
    sent = talk.ask("two")
    assert [(message.role, message.text) for message in sent] == [("user", "one"), ("assistant", "first"), ("user", "two")]


def test_a_partial_answer_is_kept_with_its_words_alone() -> None:
    talk = Conversation("openai/gpt-4")
    talk.ask("one")
    talk.answered(answer("half a sent", Reasoning(text="unsigned")), is_partial=True)
    assert told(talk) == [("user", "one"), ("assistant", "half a sent")]
    assert all(isinstance(part, Text) for part in talk.messages[1].parts)


@pytest.mark.parametrize("response", [None, Response(choices=()), answer("")])
def test_a_question_without_an_answer_is_not_sent_again_by_itself(response: Response | None) -> None:
    talk = Conversation("openai/gpt-4")
    talk.ask("lost")
    talk.answered(response, is_partial=True)
    assert [message.text for message in talk.ask("next")] == ["next"]


def test_retry_forgets_the_last_answer_and_asks_again() -> None:
    talk = Conversation("openai/gpt-4")
    talk.ask("one")
    talk.answered(answer("first"))
    assert talk.retry() == "one"
    assert told(talk) == []


def test_retry_after_a_failure_asks_what_failed_and_keeps_what_stood_before() -> None:
    talk = Conversation("openai/gpt-4")
    talk.ask("one")
    talk.answered(answer("first"))
    talk.ask("two")
    talk.answered(None)
    assert talk.retry() == "two"
    assert told(talk) == [("user", "one"), ("assistant", "first")]


def test_retry_before_any_question_has_nothing_to_ask() -> None:
    assert Conversation("openai/gpt-4").retry() is None


def test_json_is_loaded_as_it_was_saved_and_goes_on(tmp_path: Path) -> None:
    talk = Conversation("openai/gpt-4", "Be brief.")
    talk.ask("one")
    talk.answered(answer("first", Reasoning(text="hm", signature="s")))
    talk.save(tmp_path / "talk.json")
    again = Conversation("raycast/gpt-4")
    again.load(tmp_path / "talk.json")
    assert (again.model, again.system, again.turns) == ("openai/gpt-4", "Be brief.", talk.turns)
    assert again.retry() == "one"
    assert again.turns == []


def test_markdown_is_for_people(tmp_path: Path) -> None:
    talk = Conversation("openai/gpt-4", "Be brief.")
    talk.ask("one")
    talk.answered(answer("half"), is_partial=True)
    talk.save(tmp_path / "talk.md")
    assert (tmp_path / "talk.md").read_text() == (
        "# Conversation with openai/gpt-4\n\n## System\n\nBe brief.\n\n## You\n\none\n\n## openai/gpt-4\n\nhalf\n\n"
        "*(the answer was stopped here)*\n"
    )


def test_a_file_is_not_replaced_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    path.write_text("mine")
    talk = Conversation("openai/gpt-4")
    with pytest.raises(UsageError, match="exists already"):
        talk.save(path)
    assert path.read_text() == "mine"
    talk.save(path, overwrite=True)
    assert path.read_text() != "mine"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"model": "a/b", "more": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_conversation_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(content)
    talk = Conversation("openai/gpt-4")
    with pytest.raises(UsageError, match=r"talk\.json"):
        talk.load(path)
    assert talk.model == "openai/gpt-4"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Conversation("a/b").load(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be written"):
        Conversation("a/b").save(tmp_path / "no" / "folder.md")
