"""``multipart/form-data``, both ways (RFC 7578 and RFC 2046, section 5.1, read 2026-11-21): how files are uploaded.

Pure: the boundary is made of the content, so that the same form is the same bytes. Reading is linear and bounded in the number and the
head of its parts; the body's own size is the server's matter.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import unquote

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Headers, header

MAX_PARTS: Final = 256
MAX_HEAD_BYTES: Final = 16 * 1024
_PARAMETER: Final = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_BOUNDARY: Final = re.compile(r"[\w'()+,./:=? -]{1,70}")


class Field(msgspec.Struct, frozen=True):
    """One field of a form; a file where it has a file's name."""

    name: str
    data: bytes
    file_name: str | None = None
    media_type: str | None = None

    @property
    def text(self) -> str:
        """The value of a field that is no file. Raises ``BadRequest`` where it is no UTF-8."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            raise BadRequest(f"{self.name}: not valid UTF-8", param=self.name) from None


def encode_form(fields: list[Field]) -> tuple[str, bytes]:
    """The content type and the body."""
    boundary = _boundary(fields)
    pieces: list[bytes] = []
    for field in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(field.name)}"'
        if field.file_name is not None:
            head += f'; filename="{_quoted(field.file_name)}"'
            head += f"\r\nContent-Type: {_line(field.media_type or 'application/octet-stream')}"
        pieces += (head.encode(), b"\r\n\r\n", field.data, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def _boundary(fields: list[Field]) -> str:
    """Words that stand in none of the fields."""
    digest = hashlib.sha256()
    for field in fields:
        digest.update(field.data)
    boundary = f"dragoman-{digest.hexdigest()[:32]}"
    while any(boundary.encode() in field.data for field in fields):
        digest.update(b"+")
        boundary = f"dragoman-{digest.hexdigest()[:32]}"
    return boundary


def _quoted(text: str) -> str:
    """As browsers write it, which is what RFC 7578 leaves: quotes and line ends by their percent codes."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def decode_form(headers: Headers, body: bytes) -> list[Field]:
    """The fields of a body. Raises ``BadRequest`` where it is no form or breaks off."""
    kind = header(headers, "content-type") or ""
    boundary = _parameters(kind).get("boundary")
    if not kind.lower().startswith("multipart/form-data") or not boundary or not _BOUNDARY.fullmatch(boundary):
        raise BadRequest(f"content-type: {kind[:100]!r} was given; multipart/form-data with a boundary is expected")
    mark = b"\r\n--" + boundary.encode()
    data = b"\r\n" + body
    at = data.find(mark)
    fields: list[Field] = []
    while at >= 0:
        start = at + len(mark)
        if data.startswith(b"--", start):
            return fields
        if len(fields) == MAX_PARTS:
            raise BadRequest(f"the form has more than {MAX_PARTS} fields")
        line_end = data.find(b"\r\n", start, start + MAX_HEAD_BYTES)
        at = data.find(mark, start)
        if at < 0 or line_end < 0 or data[start:line_end].strip(b" \t"):
            break
        fields.append(_field(data[line_end + 2 : at]))
    raise BadRequest("the form breaks off before its end")


def _field(part: bytes) -> Field:
    end = part.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        raise BadRequest("a field of the form has no head")
    facts: dict[str, str] = {}
    for line in part[:end].decode("utf-8", "replace").split("\r\n"):
        fact, _, value = line.partition(":")
        facts[fact.strip().lower()] = value.strip()
    told = _parameters(facts.get("content-disposition", ""))
    name = told.get("name")
    if name is None:
        raise BadRequest("a field of the form has no name")
    return Field(name, part[end + 4 :], _file_name(told), facts.get("content-type"))


def _file_name(told: dict[str, str]) -> str | None:
    extended = told.get("filename*")
    if extended and extended.lower().startswith("utf-8'"):
        return unquote(extended.rpartition("'")[2])
    return told.get("filename")


def _parameters(value: str) -> dict[str, str]:
    """The parameters behind a field's value; a quoted one's escapes and percent codes of quotes and line ends undone."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        text = re.sub(r"\\([\\\"])", r"\1", quoted) if quoted else plain
        found[name.lower()] = text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
    return found
