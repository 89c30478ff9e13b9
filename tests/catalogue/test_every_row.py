"""Every row of the package, picked up by itself: it is addressed, signed, emulated and called. A new host needs no line here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from dragoman import Client
from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import PLACEHOLDER, Ability, Provider
from dragoman.core.embedding import EmbedRequest
from dragoman.core.errors import AuthFailed, BadReply, DragomanError, StreamCut, Unsupported, UsageError
from dragoman.core.exchange import Call, Timeouts, header
from dragoman.core.messages import Audio, Message, Text
from dragoman.core.ranking import RankRequest
from dragoman.core.request import Request
from dragoman.core.sound import SpeechRequest, TranscriptionRequest
from dragoman.emulator import Emulator
from dragoman.flow.effects import Instant, Now, Open
from dragoman.flow.retry import RetryBudget, RetryPolicy
from dragoman.router import Router, check_base_url
from dragoman.settings import Surroundings
from dragoman.wire import dialects, operations
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import BY_STATUS
from tests.catalogue.faces import CLOUDS, KEY, environment_for, filled, is_plain, model_for

ROWS = {row.name: row for row in Catalogue()}
ANSWERING = {name: one for name, one in ROWS.items() if one.answers_prompts}
"""Those to which prompts are sent; the others are held to the services that they name."""
ASKED: dict[str, tuple[str, Any]] = {
    "embeddings": ("embed", EmbedRequest(model="m", inputs=(WORDS := "Hello to everyone there",))),
    "rerank": ("rank", RankRequest(model="m", query=WORDS, documents=("one", "two"))),
    "speech": ("speak", SpeechRequest(model="m", text=WORDS)),
    "transcription": ("transcribe", TranscriptionRequest(model="m", audio=Audio(data=b"x"))),
}
"""Abilities without prompts: the operation, and what is asked."""
SERVICES = [(name, ability) for name, one in ROWS.items() if not one.answers_prompts for ability in one.abilities]
STATUSES = (400, 401, 402, 403, 404, 413, 429, 500, 503)
"""One for each class of error that a status means."""
PLACED = [name for name, one in ROWS.items() if PLACEHOLDER.search(one.base_url)]


@pytest.fixture(params=ROWS)
def row(request: pytest.FixtureRequest) -> Provider:
    return ROWS[request.param]


@pytest.fixture(params=[name for name, one in ANSWERING.items() if is_plain(one)])
def plain_row(request: pytest.FixtureRequest) -> Provider:
    """A row that answers prompts and whose key is put into the call as it is; how clouds sign is tested where it is made."""
    return ROWS[request.param]


def asking(row: Provider, *, stream: bool = False) -> Request:
    return Request(model=model_for(row), messages=(Message("user", (Text(text=WORDS),)),), stream=stream)


def router(row: Provider, tmp_path: Path, environment: dict[str, str] | None = None) -> Router:
    around = Surroundings(environment_for(row) if environment is None else environment, tmp_path)
    return Router(around, around.catalogue(), {}, {}, RetryPolicy(tries=1), RetryBudget())


# --- what stands in it ------------------------------------------------------------------------------------------------------------------


def test_names_are_those_that_exist(row: Provider) -> None:
    assert row.dialect in (dialects.NAMES if row.answers_prompts else operations.DIALECTS)
    assert isinstance(msgspec.convert(row.quirks, Quirks), Quirks)
    assert row.auth.place in (*CLOUDS, "none") or is_plain(row)


def test_addresses_are_addresses(row: Provider) -> None:
    assert check_base_url(filled(row), row.name) == filled(row)
    assert "{" not in filled(row)
    for page in (row.docs, row.source):
        assert page is None or page.startswith("https://")


def test_variables_are_written_as_variables_are(row: Provider) -> None:
    for variable in (*row.base_url_variables, *row.auth.variables):
        assert variable == variable.upper()
        assert variable.replace("_", "").isalnum()
    assert len(set(row.auth.variables)) == len(row.auth.variables)


def test_abilities_stand_once_and_in_their_order(row: Provider) -> None:
    order = get_args(Ability)
    assert sorted(row.abilities, key=order.index) == list(row.abilities)
    assert len(set(row.abilities)) == len(row.abilities)


def test_row_that_was_not_checked_against_its_provider_says_where_it_is_from(row: Provider) -> None:
    assert row.checked or row.source or row.local or not row.working


# --- how it is called -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_call_goes_to_the_rows_address_with_the_rows_key(plain_row: Provider, stream: bool, tmp_path: Path) -> None:
    call = router(plain_row, tmp_path).target(asking(plain_row, stream=stream)).call
    assert call.url.startswith(filled(plain_row) + "/")
    assert all(not call.url.startswith(filled(plain_row) + twice) for twice in ("//", "/v1/v1"))
    assert has_key(call, plain_row)
    assert call.warnings == ()


def has_key(call: Call, row: Provider) -> bool:
    """Whether the key stands where the row wants it."""
    name = row.auth.name or ""
    match row.auth.place:
        case "bearer":
            return header(call.headers, "authorization") == f"{name or 'Bearer'} {KEY}"
        case "header":
            return header(call.headers, name) == KEY
        case "query":
            return f"{name}={KEY}" in call.url
        case _:
            return row.auth.place == "none"


@pytest.mark.parametrize("name", PLACED)
def test_account_that_is_missing_in_an_address_is_named_at_the_call(name: str, tmp_path: Path) -> None:
    one = ROWS[name]
    key_alone = dict.fromkeys(one.auth.variables[:1], KEY)
    with pytest.raises(UsageError) as caught:
        router(one, tmp_path, key_alone).target(asking(one))
    for found in PLACEHOLDER.findall(one.base_url):
        assert all(variable in caught.value.message for variable in found.split("|"))


@pytest.mark.parametrize("name", [name for name in PLACED if is_plain(ROWS[name])])
def test_address_of_ones_own_needs_no_account(name: str, tmp_path: Path) -> None:
    one = ROWS[name]
    environment = dict.fromkeys(one.auth.variables[:1], KEY) | {one.base_url_variables[0]: "https://mine.test/v9"}
    assert router(one, tmp_path, environment).target(asking(one)).call.url.startswith("https://mine.test/v9/")
    target = router(one, tmp_path, {}).target(asking(one), key=KEY, base_url="https://mine.test")
    assert target.call.url.startswith("https://mine.test/")


@pytest.mark.parametrize(("name", "ability"), SERVICES)
def test_service_without_prompts_goes_to_the_rows_address_with_the_rows_key(name: str, ability: str, tmp_path: Path) -> None:
    one, (operation, request) = ROWS[name], ASKED[ability]
    request = msgspec.structs.replace(request, voice="v") if one.dialect == "elevenlabs" and operation == "speak" else request
    flow, _, warnings = router(one, tmp_path).operate(operation, request, (one, "m"), {}, Timeouts())
    opening = next(flow)
    while isinstance(opening, Now):
        opening = flow.send(Instant(0.0, 0.0))
    flow.close()
    assert isinstance(opening, Open)
    path = operations.operation(one.dialect, operation).PATH.replace("{voice}", "v")
    assert opening.call.url.partition("?")[0] == filled(one) + path
    assert has_key(opening.call, one)
    assert warnings == ()


@pytest.mark.parametrize("name", sorted(ROWS.keys() - ANSWERING.keys()))
def test_prompt_to_a_row_that_answers_none_is_refused_with_what_it_has(name: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=f"{ROWS[name].title} answers no prompts; it has ") as caught:
        router(ROWS[name], tmp_path, {}).target(asking(ROWS[name]))
    assert caught.value.provider == name


# --- what it answers --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(list(ANSWERING.values())) as running:
        yield running


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Client]:
    urls = {name: emulator.url(name) for name in ANSWERING}
    keys = {name: KEY for name, one in ANSWERING.items() if is_plain(one)}
    with Client(base_urls=urls, keys=keys, environment={}, max_retries=0, trust_env=False, timeout=20) as one:
        yield one


def test_emulated_row_answers_whole_and_as_a_stream(plain_row: Provider, client: Client) -> None:
    assert client.complete(model_for(plain_row), WORDS).text == WORDS
    assert "".join(event.text for event in client.stream(model_for(plain_row), WORDS)) == WORDS


def test_every_failing_status_is_its_own_error(plain_row: Provider, client: Client) -> None:
    for status in STATUSES:
        with pytest.raises(DragomanError) as caught:
            client.complete(f"{model_for(plain_row)}!status={status}", WORDS)
        assert type(caught.value) is BY_STATUS[status], status
        assert caught.value.provider == plain_row.name


def test_wrong_key_and_cut_stream_are_told(plain_row: Provider, client: Client) -> None:
    with pytest.raises(AuthFailed):
        client.complete(model_for(plain_row), WORDS, key="wrong-key")
    with pytest.raises((StreamCut, BadReply)):
        list(client.stream(f"{model_for(plain_row)}!cut-after=40", WORDS))


# --- a host of one's own ----------------------------------------------------------------------------------------------------------------


def test_new_host_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "newhost.toml"
    path.write_text(
        'title = "New host"\ndialect = "openai_chat"\nbase_url = "https://{NEWHOST_TEAM}.newhost.test/v1"\n'
        '[auth]\nvariables = ["NEWHOST_KEY"]\n',
        "utf-8",
    )
    catalogue = Catalogue((path,))
    with Emulator("newhost", catalogue=catalogue) as running:
        told = {"base_urls": {"newhost": running.url()}, "keys": {"newhost": KEY}, "environment": {}, "trust_env": False}
        with Client(provider_files=[path], **told) as one:  # type: ignore[arg-type]  # each is one by its name
            assert one.complete("newhost/anything", WORDS).text == WORDS
