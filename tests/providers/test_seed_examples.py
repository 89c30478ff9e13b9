"""Every example of the user's own descriptions, as it is written there, with only the import line changed.

The examples stand in this file as text and are run as programs, so that nothing can be adapted to us by the way. Where an example uses a
name that the text around it brings in (``Equing``, ``Messages``), the import line is what was added.
"""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

import pytest

from dragoman.emulator import Emulator

RAYCAST_HOWTO = """
from dragoman.providers import Raycast
from dragoman.typing import Message

# Пример использования провайдера Raycast для получения ответа от модели GPT-3.5-turbo
try:
    messages: list[Message] = [
        {"role": "user", "content": "Hello, how are you?"}
    ]
    auth_token = "YOUR_AUTH_TOKEN"  # Замените на ваш токен аутентификации
    
    # Вызов метода create_completion для получения ответа от Raycast
    completion = Raycast.create_completion(
        model="gpt-3.5-turbo",
        messages=messages,
        stream=True,
        auth=auth_token
    )
    
    # Итерация по ответу и вывод каждого токена
    if completion:
        for token in completion:
            print(token, end="", flush=True)
    else:
        print("Completion is None")

except ValueError as e:
    print(f"Error: {e}")
except Exception as e:
    print(f"An unexpected error occurred: {e}")
"""  # noqa: W293  as it was written

RAYCAST_DOCSTRING = '''
from dragoman.providers import Raycast

"""
        Пример 1: Успешное создание ответа с использованием токена
        >>> Raycast.create_completion(model='gpt-3.5-turbo', messages=[{'role': 'user', 'content': 'Hello'}], stream=True, auth='YOUR_API_KEY')
        <generator object AbstractProvider.create_completion at 0x...>

        Пример 2: Вызов исключения из-за отсутствия аутентификации
        >>> Raycast.create_completion(model='gpt-3.5-turbo', messages=[{'role': 'user', 'content': 'Hello'}], stream=True)
        ValueError: Raycast needs an auth token, pass it with the `auth` parameter
"""
'''  # noqa: E501  as it was written

RAYCAST_EXAMPLE_1 = """
from dragoman.providers import Raycast

Raycast.create_completion(model='gpt-3.5-turbo', messages=[{'role': 'user', 'content': 'Hello'}], stream=True, auth='YOUR_API_KEY')
"""

RAYCAST_EXAMPLE_2 = """
from dragoman.providers import Raycast

try:
    Raycast.create_completion(model='gpt-3.5-turbo', messages=[{'role': 'user', 'content': 'Hello'}], stream=True)
except ValueError as ex:
    print(f"Ошибка: {ex}")
"""

LOCKCHAT_EXAMPLE_1 = """
from dragoman.providers import Lockchat

model = "gpt-3.5-turbo"
messages = [{"role": "user", "content": "Hello, how are you?"}]
stream = True
kwargs = {"temperature": 0.8}
completion = Lockchat.create_completion(model, messages, stream, **kwargs)
for token in completion:
    print(token, end="")
"""

LOCKCHAT_EXAMPLE_2 = """
from dragoman.providers import Lockchat

model = "gpt-4"
messages = [{"role": "user", "content": "What is the capital of France?"}]
stream = False
completion = Lockchat.create_completion(model, messages, stream)
for token in completion:
    print(token, end="")
"""

EQUING = """
from dragoman.providers import Equing

# Пример 1: Получение завершения без потоковой передачи данных
model = "gpt-3.5-turbo"
messages = [{"role": "user", "content": "Hello, how are you?"}]
stream = False
result = Equing.create_completion(model=model, messages=messages, stream=stream)
# result будет содержать строку с ответом от API

first = result

# Пример 2: Получение завершения с потоковой передачей данных
model = "gpt-3.5-turbo"
messages = [{"role": "user", "content": "Tell me a story."}]
stream = True
result = Equing.create_completion(model=model, messages=messages, stream=stream)
# result будет генератором, который выдает токены по мере их поступления от API
for token in result:
    print(token, end="")
"""


def run(program: str) -> tuple[str, dict[str, Any]]:
    """What ``program`` printed and the names that it left."""
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "example", "exec"), names)
    return printed.getvalue(), names


def test_the_how_to_of_raycast(storyteller: Emulator) -> None:
    printed, names = run(RAYCAST_HOWTO)
    assert printed == "I am fine, thank you."
    assert type(names["completion"]).__name__ == "generator"
    assert storyteller.requests[0].header("authorization") == "Bearer YOUR_AUTH_TOKEN"


def test_the_how_to_of_raycast_where_something_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    printed, _ = run(RAYCAST_HOWTO.replace('auth_token = "YOUR_AUTH_TOKEN"', "auth_token = None"))
    assert printed == "Error: Raycast needs an auth token, pass it with the `auth` parameter\n"
    monkeypatch.setenv("RAYCAST_BASE_URL", "http://127.0.0.1:1")
    printed, _ = run(RAYCAST_HOWTO)
    assert printed.startswith("An unexpected error occurred: ")


def test_the_docstring_of_raycast(emulator: Emulator) -> None:
    """Each prompt of the docstring shows what stands under it."""
    shown = re.findall(r">>> (.*)\n\s*(.*)\n", RAYCAST_DOCSTRING)
    assert len(shown) == 2
    _, names = run(RAYCAST_DOCSTRING)
    assert re.fullmatch(re.escape(shown[0][1]).replace(r"\.\.\.", "[0-9a-f]+"), repr(eval(shown[0][0], names)))
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the class that the example names; its words are compared below
        eval(shown[1][0], names)
    assert f"ValueError: {caught.value}" == shown[1][1]
    assert len(emulator.requests) == 0


def test_the_examples_under_the_parameters_of_raycast(emulator: Emulator) -> None:
    assert run(RAYCAST_EXAMPLE_1)[0] == ""
    assert run(RAYCAST_EXAMPLE_2)[0] == "Ошибка: Raycast needs an auth token, pass it with the `auth` parameter\n"
    assert len(emulator.requests) == 0


def test_the_first_example_of_lockchat(storyteller: Emulator) -> None:
    assert run(LOCKCHAT_EXAMPLE_1)[0] == "I am fine, thank you."
    request = storyteller.requests[0].request
    assert request is not None
    assert (request.model, request.temperature, request.messages[0].text) == ("gpt-3.5-turbo", 0.8, "Hello, how are you?")


def test_the_second_example_of_lockchat(storyteller: Emulator) -> None:
    assert run(LOCKCHAT_EXAMPLE_2)[0] == "I am fine, thank you."
    request = storyteller.requests[0].request
    assert request is not None
    assert (request.model, request.temperature, request.messages[0].text) == ("gpt-4", 0.7, "What is the capital of France?")


def test_the_examples_of_equing(storyteller: Emulator) -> None:
    printed, names = run(EQUING)
    assert names["first"] == "I am fine, thank you."
    assert printed == "I am fine, thank you."
    assert type(names["result"]).__name__ == "generator"
    assert [record.request.stream for record in storyteller.requests if record.request] == [False, True]
