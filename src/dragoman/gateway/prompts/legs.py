"""One target of a request: what is sent there, and how its answer comes back.

Where the caller's dialect is the target's, the caller's own bytes are sent, patched where they must be, and the answer's bytes go back as
they come (``tap``). Everywhere else the request is decoded, encoded for the target, and the answer's events are encoded for the caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import Unsupported
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Timeouts, with_headers
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.flow.attempt import Progress, Target
from dragoman.flow.effects import Flow
from dragoman.flow.retry import RetryBudget, RetryPolicy, retrying
from dragoman.gateway.prompts.asking import Asking
from dragoman.gateway.prompts.bodies import with_model, with_usage_wanted, without_unsigned
from dragoman.gateway.prompts.tap import tapped
from dragoman.gateway.telemetry.records import Record
from dragoman.router import Router
from dragoman.wire.anthropic_messages import ends as anthropic_messages
from dragoman.wire.anthropic_messages.content import THINKING
from dragoman.wire.openai_chat import ends as openai_chat
from dragoman.wire.payload import dump, parse_request
from dragoman.wire.quirks import NONE, Quirks, apply_quirks

_IDEMPOTENCY: Final = "idempotency-key"
_PASSED_HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "anthropic_messages": ("anthropic-version", "anthropic-beta"),
    "openai_chat": ("openai-beta", _IDEMPOTENCY),
    "openai_responses": ("openai-beta", _IDEMPOTENCY),
    "openai_completions": (_IDEMPOTENCY,),
}
"""Fields of a caller's head that mean something to the upstream. No other goes on: neither keys nor what tells of the caller."""
_OTHER_FACES: Final = {"openai_responses": "responses", "openai_completions": "completions"}
"""Dialects that a host of another one may speak beside it, and the ability that says so."""
_KEPT_ANSWERS: Final = "openai_responses"
"""The dialect whose callers may go on from an answer; where its host keeps none, the gateway does."""
_BACKGROUND: Final = b'"background"'
_BODY_ALONE: Final = ("openai_chat", "openai_responses", "openai_completions", "anthropic_messages", "ollama", "cohere")
"""Dialects whose body names model and form; in the others both stand in the path."""
_SIGNED: Final = "anthropic_messages"
"""The dialect whose vendor takes only such thinking back as it has signed."""
_USAGE_IF_ASKED: Final = ("openai_chat", "openai_completions")
"""Dialects whose streams tell their usage only where the caller asks for it."""
_FORMS_BY_PATH: Final = ("ollama",)
"""Dialects with other forms of body and answer at their second path; a template is of the first."""
_MAX_TEMPLATES: Final = 4096
WORDS: Final = (Message("user", (Text("-"),)),)
"""Stand in for a prompt whose own words pass by."""


ReadEnds = Callable[[bytes], list[Event] | None]
READ_ENDS: Final[dict[str, ReadEnds]] = {"openai_chat": openai_chat.read_ends, "anthropic_messages": anthropic_messages.read_ends}


class Leg(msgspec.Struct, frozen=True):
    """One target as one request asks it."""

    target: Target
    prices: str | None
    """The price list of the provider's row."""
    passes: bool = False
    """Whether the caller's own words are sent, and the answer's bytes go back as they come."""
    read_ends: ReadEnds | None = None
    """Reads of a whole answer that passes on what is accounted, where that is quicker than reading all of it."""
    drops_usage: bool = False
    """Whether the caller is not to get the usage that was asked for here."""


class Template(msgspec.Struct, frozen=True):
    """What every pass-through call to one model at one provider has in common."""

    leg: Leg
    altered: tuple[bytes, ...]
    """Fields, as JSON strings, of which a body is not sent as it is."""
    quirks: Quirks


class Upstreams:
    """The targets of one setup. Templates are made once."""

    def __init__(self, router: Router, policy: RetryPolicy, budget: RetryBudget) -> None:
        self.router = router
        self._policy = policy
        self.budget = budget
        self._templates: dict[tuple[str, str, bool, bool], Template | None] = {}

    def leg(self, name: str, asking: Asking) -> Leg:
        """What is sent to the target ``name``, and how its answer comes back. Raises ``UsageError`` where it cannot be asked."""
        asking.carried_anew()
        leg = self._passed_through(name, asking) or self._translated(name, asking)
        record, target = asking.record, leg.target
        record.provider, record.target_model, record.prices = target.provider, target.model, leg.prices
        record.passed_through = leg.passes
        return leg

    def flow(self, name: str, asking: Asking, timeouts: Timeouts, progress: Progress) -> Flow[None]:
        """The flow that asks the target ``name``. Raises ``UsageError`` where it cannot be asked."""
        return self.flow_of(self.leg(name, asking), asking, timeouts, progress)

    def flow_of(self, leg: Leg, asking: Asking, timeouts: Timeouts, progress: Progress) -> Flow[None]:
        target = leg.target
        if leg.passes:
            target = msgspec.structs.replace(target, decoder=tapped(target.decoder, leg.drops_usage, asking.tap_is))
        return retrying(target, timeouts, self._policy, self.budget, progress)

    # --- pass-through

    def _passed_through(self, name: str, asking: Asking) -> Leg | None:
        """``None`` where the caller's bytes will not do."""
        template = self._template(name, asking) if _may_pass(asking) else None
        if template is None:
            return None
        asked, dialect = asking.asked, asking.face.dialect
        leg = template.leg
        body = asking.call.body
        if dialect in _BODY_ALONE:
            body = with_model(body, asked.model or "", leg.target.model)
        if dialect == _SIGNED and template.quirks.reasoning_field != THINKING:
            body = without_unsigned(body, asking.warnings)
        _check_waits(asking, body)
        drops_usage = False
        if asked.stream and not asked.wants_usage and dialect in _USAGE_IF_ASKED:
            drops_usage = template.quirks.stream_usage
            body = with_usage_wanted(body, asked) if drops_usage else body
        if template.altered and any(field in body for field in template.altered):
            body = dump(apply_quirks(parse_request(body), template.quirks, asking.warnings))
        target = msgspec.structs.replace(leg.target, call=as_told(leg.target.call, body, asking.call, asking.fields, asking.record))
        read_ends = None if asking.record.keeps_content else READ_ENDS.get(dialect)
        return Leg(target, leg.prices, True, read_ends, drops_usage)

    def _template(self, name: str, asking: Asking) -> Template | None:
        asked = asking.asked
        key = (name, asking.face.dialect, bool(asked.stream), (asked.n or 1) > 1)
        if key in self._templates:
            return self._templates[key]
        template = self._make_template(name, asking)
        if template is None or template.leg.target.signer is None:  # a signer belongs to one call
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            self._templates[key] = template
        return template

    def _make_template(self, name: str, asking: Asking) -> Template | None:
        row, _ = self.router.catalogue.resolve(name)
        speaks = _spoken_by(row, asking.face.dialect)
        quirks = msgspec.convert(row.quirks, Quirks) if speaks == row.dialect else NONE
        if speaks != asking.face.dialect or asking.face.quirks != NONE or not takes_bodies(quirks):
            return None
        if speaks == _KEPT_ANSWERS and not row.keeps_responses:
            return None
        asked = asking.asked
        request = Request(model=name, messages=WORDS, stream=bool(asked.stream), n=asked.n)
        target = self.router.target(request, speaks=speaks)
        fields = (*quirks.rename, *quirks.drop)
        return Template(Leg(target, row.prices), tuple(f'"{field}"'.encode() for field in fields), quirks)

    # --- translation

    def _translated(self, name: str, asking: Asking) -> Leg:
        row, _ = self.router.catalogue.resolve(name)
        speaks = _spoken_by(row, asking.face.dialect)
        keeps = speaks == _KEPT_ANSWERS and row.keeps_responses
        request = msgspec.structs.replace(asking.to_upstream(keeps=keeps), model=name)
        return Leg(self.router.target(request, speaks=speaks), row.prices)


def _spoken_by(row: Provider, dialect: str) -> str:
    """The dialect in which a caller at a face of ``dialect`` is best carried to a provider."""
    return dialect if row.dialect == dialect or _has_face(row, dialect) else row.dialect


def _may_pass(asking: Asking) -> bool:
    """Whether the caller's own words will do: not where the gateway itself keeps what went before, and not for Gemini's array of answers.

    That form tells what it is by the call alone, so its frames are not seen as they come; upstreams are asked for events instead.
    """
    if asking.turn is not None and asking.turn.kept is not None:
        return False
    if asking.face.dialect in _FORMS_BY_PATH and asking.call.url.partition("?")[0] != asking.face.speaks.PATH:
        return False
    return asking.face.dialect != "gemini" or not asking.asked.stream or "alt=sse" in asking.call.url


def _has_face(row: Provider, dialect: str) -> bool:
    return row.dialect == "openai_chat" and _OTHER_FACES.get(dialect) in row.abilities


def takes_bodies(quirks: Quirks) -> bool:
    """Whether a host with these deviations takes a body that the dialect's own clients write, but for fields that can be changed in it."""
    plain = (quirks.only, quirks.defaults, quirks.constants) == ((), {}, {})
    return plain and quirks.streaming == "as-asked" and not quirks.think_tags and not quirks.text_only


def as_told(call: Call, body: bytes, own: Call, fields: Mapping[str, str], record: Record) -> Call:
    """The target's call with ``body`` and with what the head and the query of the caller's own call have to say."""
    passed = {name: fields[name] for name in _PASSED_HEADERS.get(record.face, ()) if name in fields}
    if _IDEMPOTENCY in passed and record.key_name is not None:
        passed[_IDEMPOTENCY] = _own_key(record.key_name, passed[_IDEMPOTENCY])
    url = call.url if "?" not in own.url else _with_query(call.url, own.url)
    return msgspec.structs.replace(call, url=url, headers=with_headers(call.headers, passed), body=body)


def _check_waits(asking: Asking, body: bytes) -> None:
    """Raises ``Unsupported`` for an answer that is made in the background, and would have to be fetched where callers cannot reach."""
    if asking.face.dialect == _KEPT_ANSWERS and not asking.asked.stream and _BACKGROUND in body and parse_request(body).get("background"):
        reason = "what is made in the background cannot be fetched by way of the gateway; leave it out, or ask for a stream"
        raise Unsupported(f"background: {reason}", param="background")


def _own_key(caller: str, told: str) -> str:
    """A caller's idempotency key as another caller's can never be: else who tells the same one would be given the other's answer."""
    return hashlib.sha256(f"{caller}\n{told}".encode("utf-8", "surrogatepass")).hexdigest()


def _with_query(url: str, own: str) -> str:
    """``url`` with the caller's query, but for a key in it; the form of the answer is the caller's to choose."""
    address, _, query = url.partition("?")
    told = [(name, value) for name, value in parse_qsl(own.partition("?")[2], keep_blank_values=True) if name != "key"]
    names = {name for name, _ in told} | {"alt"}
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in names]
    together = urlencode(kept + told)
    return f"{address}?{together}" if together else address
