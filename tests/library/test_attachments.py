"""Pictures, sounds and documents in a prompt: what is read, what is refused, and what arrives."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import AsyncClient, Audio, Client, File, Image, Message, Text, attach
from dragoman.core.errors import Unsupported, UsageError
from dragoman.prompts import messages_from
from dragoman.testing import EmulatorFactory
from tests.library.talk import settings

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
PDF = b"%PDF-1.7\n"

BY_BYTES: list[tuple[bytes, type, str]] = [
    (PNG, Image, "image/png"),
    (JPEG, Image, "image/jpeg"),
    (b"GIF89a..", Image, "image/gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", Image, "image/webp"),
    (b"II*\x00....", Image, "image/tiff"),
    (b"\x00\x00\x00\x20ftypavif", Image, "image/avif"),
    (b"\x00\x00\x00\x20ftypheic", Image, "image/heic"),
    (WAV, Audio, "audio/wav"),
    (b"ID3\x04....", Audio, "audio/mpeg"),
    (b"\xff\xfb\x90\x00", Audio, "audio/mpeg"),
    (b"fLaC....", Audio, "audio/flac"),
    (b"OggS....", Audio, "audio/ogg"),
    (b"\x00\x00\x00\x20ftypM4A ", Audio, "audio/mp4"),
    (PDF, File, "application/pdf"),
    (b"\x00\x00\x00\x20ftypisom", File, "video/mp4"),
]


@pytest.mark.parametrize(("data", "kind", "media_type"), BY_BYTES, ids=[media_type for _, _, media_type in BY_BYTES])
def test_the_first_bytes_tell_what_it_is(data: bytes, kind: type, media_type: str) -> None:
    for given in (data, bytearray(data)):
        part = attach(given)
        assert type(part) is kind
        assert (part.data, part.media_type, part.url) == (data, media_type, None)


@pytest.mark.parametrize(
    ("name", "data", "kind", "media_type"),
    [
        ("cat.png", PNG, Image, "image/png"),
        ("really_a_jpeg.png", JPEG, Image, "image/jpeg"),
        ("BMI.txt", b"BM is how this text begins", File, "text/plain"),
        ("data.JSON", b"{}", File, "application/json"),
        ("table.csv", b"a,b", File, "text/csv"),
        ("voice.mp3", b"\x00\x00", Audio, "audio/mpeg"),
        ("scan.pdf", PDF, File, "application/pdf"),
        ("no_suffix", PDF, File, "application/pdf"),
    ],
)
def test_a_path_object_is_read(tmp_path: Path, name: str, data: bytes, kind: type, media_type: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    part = attach(path)
    assert type(part) is kind
    assert (part.data, part.media_type) == (data, media_type)
    if isinstance(part, File):
        assert part.name == name


def test_what_it_is_may_be_said(tmp_path: Path) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(b"\x01\x02")
    assert attach(path, media_type="application/octet-stream", name="other") == File(
        data=b"\x01\x02", media_type="application/octet-stream", name="other"
    )
    assert attach(b"\x01\x02", name="voice.wav") == Audio(data=b"\x01\x02", media_type="audio/wav")
    assert attach("https://host/picture", media_type="image/png") == Image(url="https://host/picture", media_type="image/png")


def test_an_address_is_passed_on_and_not_fetched() -> None:
    assert attach("https://host/a/cat.PNG?size=3#x") == Image(url="https://host/a/cat.PNG?size=3#x", media_type="image/png")
    assert attach("HTTP://host/talk.mp3") == Audio(url="HTTP://host/talk.mp3", media_type="audio/mpeg")
    assert attach("https://host/a.pdf", name="A") == File(url="https://host/a.pdf", media_type="application/pdf", name="A")


def test_a_data_url_is_its_bytes() -> None:
    encoded = base64.b64encode(PNG).decode()
    assert attach(f"data:image/png;base64,{encoded}") == Image(data=PNG, media_type="image/png")
    assert attach(f"data:;base64,{encoded}") == Image(data=PNG, media_type="image/png")


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    ("cat.png", {}, "'cat.png' was given; a string must be an http(s) or data URL, and pathlib.Path('cat.png') reads a local file"),
    ("/etc/passwd", {}, "a string must be an http(s) or data URL"),
    ("file:///etc/passwd", {}, "a string must be an http(s) or data URL"),
    ("ftp://host/cat.png", {}, "a string must be an http(s) or data URL"),
    ("http://", {}, "a string must be an http(s) or data URL"),
    ("http://[", {}, "a string must be an http(s) or data URL"),
    ("", {}, "a string must be an http(s) or data URL"),
    ("https://host/picture", {}, "its address does not tell what it is; say it with media_type"),
    ("data:image/png,abc", {}, "a data URL must look like data:<media type>;base64,<data>"),
    ("data:image/png;base64,%%%", {}, "not valid base64"),
    (b"", {}, "it is empty"),
    (b"\x01\x02", {}, "neither its first bytes nor its name tell what it is"),
    (PNG, {"max_bytes": 10}, "it is larger than 10 bytes; max_bytes allows more"),
    (f"data:image/png;base64,{base64.b64encode(PNG).decode()}", {"max_bytes": 10}, "it is larger than 10 bytes"),
    (5, {}, "attachment: int was given; bytes, a pathlib.Path or a URL is expected"),
    (None, {}, "attachment: NoneType was given"),
    (Path("there/is/no/such.png"), {}, "attachment there/is/no/such.png: there is no such file"),
]


@pytest.mark.parametrize(("source", "options", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_attached_is_named(source: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        attach(source, **options)
    assert words in caught.value.message


def test_a_file_that_is_too_large_or_no_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(PNG)
    with pytest.raises(UsageError, match=r"large\.png: it is larger than 27 bytes"):
        attach(path, max_bytes=27)
    assert attach(path, max_bytes=28).data == PNG
    with pytest.raises(UsageError, match="it is no file"):
        attach(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(UsageError, match=r"empty\.png: it is empty"):
        attach(tmp_path / "empty.png")
    with pytest.raises(UsageError, match=r"/dev/zero: it is no file"):
        attach(Path("/dev/zero"))


# --- in a prompt


def test_a_list_of_words_files_and_parts_is_one_question(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    spoken = Audio(data=WAV, media_type="audio/wav")
    assert messages_from(["What is this?", path, JPEG, spoken, Text(text="Well?")]) == (
        Message(
            "user",
            (
                Text(text="What is this?"),
                Image(data=PNG, media_type="image/png"),
                Image(data=JPEG, media_type="image/jpeg"),
                spoken,
                Text(text="Well?"),
            ),
        ),
    )


def test_a_string_in_a_prompt_is_words_even_where_it_names_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("secret", encoding="utf-8")
    (message,) = messages_from([str(path), f"file://{path}"])
    assert message.parts == (Text(text=str(path)), Text(text=f"file://{path}"))


def test_a_file_that_cannot_be_read_is_said_before_anything_is_sent(dragoman_emulator: EmulatorFactory, tmp_path: Path) -> None:
    emulator = dragoman_emulator("openai")
    with Client(**settings(emulator)) as client, pytest.raises(UsageError, match="there is no such file"):
        client.complete("openai/gpt-4.1", ["What is this?", tmp_path / "none.png"])
    assert len(emulator.requests) == 0


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "cohere", "ollama_native"])
def test_a_picture_arrives_over_every_wire_that_sees(dragoman_emulator: EmulatorFactory, tmp_path: Path, provider: str) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    emulator = dragoman_emulator(provider)

    async def main() -> str:
        async with AsyncClient(**settings(emulator)) as client:
            return (await client.complete(f"{provider}/m", ["What is this?", path])).text

    with Client(**settings(emulator)) as client:
        assert client.complete(f"{provider}/m", ["What is this?", path]).text == asyncio.run(main()) == "What is this?"
    for record in list(emulator.requests):
        assert record.request is not None
        words, picture = record.request.messages[-1].parts
        assert words == Text(text="What is this?")
        assert isinstance(picture, Image)
        assert picture.data == PNG


def test_content_that_the_target_cannot_carry_is_refused_before_anything_is_sent(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("lockchat")
    with Client(**settings(emulator)) as client, pytest.raises(Unsupported, match="plain text only"):
        client.complete("lockchat/gpt-4", ["What is this?", PNG])
    assert len(emulator.requests) == 0


def test_the_function_is_public() -> None:
    assert dragoman.attach is attach
    assert "attach" in dragoman.__all__


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"media_type": 5}, "media_type: 5 was given; a string is expected"),
        ({"name": b"a.png"}, "name: b'a.png' was given; a string is expected"),
        ({"max_bytes": None}, "max_bytes: None was given; a whole number from 0 up is allowed"),
        ({"max_bytes": -1}, "max_bytes: -1 was given"),
        ({"max_bytes": True}, "max_bytes: True was given"),
    ],
)
def test_what_is_told_of_an_attachment_is_checked(told: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        attach(b"\x89PNG\r\n\x1a\n", **told)
    assert words in caught.value.message
