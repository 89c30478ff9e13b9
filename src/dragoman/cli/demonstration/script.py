"""The conversation of the demonstration, and the emulated model that holds its other half."""

from __future__ import annotations

from typing import Final

from dragoman.core.request import Request
from dragoman.emulator import Answer
from dragoman.emulator.pieces import pieces
from dragoman.emulator.scenario import last_user_text

COUNTING: Final = "How many questions have I asked you?"
ANSWERS: Final = {
    "What was a dragoman?": "An interpreter and guide between courts that shared no language: trusted by both, at home in each.",
    "Where did they work?": "From Istanbul to Cairo, wherever an embassy met a sultan; some families held the office for two centuries.",
    "Which languages did they know?": "Turkish, Arabic, Persian, Italian and French as a rule; and the good ones knew when to say nothing.",
    "What made a good one?": "He said neither more nor less than he had heard, and he said at once when a word had no counterpart.",
}
QUESTIONS: Final = (*ANSWERS, COUNTING)
LAST_WORDS: Final = "Every word that arrives is kept, whatever happens to the rest of the answer on its way to you."


def speak(request: Request) -> Answer:
    """The emulated model: it knows its lines, and counts what it was sent."""
    question = last_user_text(request)
    if question == COUNTING:
        asked = sum(message.role == "user" for message in request.messages)
        return Answer(text=f"{asked}, this one among them: the whole conversation came with it, though each turn was asked in another way.")
    return Answer(text=ANSWERS.get(question, LAST_WORDS))


def count(text: str) -> int:
    """Tokens as the emulator counts them: a word is one."""
    return sum(1 for _ in pieces(text))
