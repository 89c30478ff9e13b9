"""Chains of those who lend, stepped by hand: who is asked in which order and with how much patience, and when they are asked again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import Cancelled, ConnectFailed, MissingKey, TimedOut
from dragoman.core.exchange import Call, Timeouts
from dragoman.core.token import Proof
from dragoman.credentials.keyring import Keyring
from dragoman.flow.effects import Open
from dragoman.flow.tokens import EARLY_S, PAUSE_S, TokenSigner, open_signed
from dragoman.settings import Surroundings
from tests.flow.by_hand import EPOCH_S
from tests.flow.test_tokens import Answer, Caller, Clock
from tests.library.test_cloud_credentials import wrote

MODEL = Call("POST", "https://model.test/model/m/converse", (("content-type", "application/json"),), b"{}")
MACHINE = {"HOME": "/nonexistent", "AWS_REGION": "eu-west-3"}
GOOGLE = {"HOME": "/nonexistent"}
AZURE = {"HOME": "/nonexistent", "AZURE_API_BASE": "https://own.openai.azure.com"}


def keys(name: str, lifetime_s: float, passed_s: float = 0.0) -> Answer:
    ends = datetime.fromtimestamp(EPOCH_S + passed_s + lifetime_s, UTC).isoformat()
    told = {"Code": "Success", "AccessKeyId": name, "SecretAccessKey": "very-secret", "Token": "very-secret-too", "Expiration": ends}
    return Answer(json.dumps(told).encode())


class World:
    """A ring in an environment, and the time that passes for all who use it."""

    def __init__(self, provider: str, environment: dict[str, str]) -> None:
        self.ring = Keyring(Surroundings(environment))
        self.row = Catalogue().provider(provider)
        self.clock = Clock()

    def call(self, timeouts: Timeouts | None = None) -> Caller:
        """One more call to the model."""
        access = self.ring.access(self.row)
        assert access is not None
        assert access.signer is not None
        caller = Caller(open_signed(MODEL, access.signer(), timeouts or Timeouts()), self.clock)
        caller.start()
        return caller


def asked(caller: Caller) -> list[tuple[str, str]]:
    return [(call.method, call.url) for call in caller.calls]


def signed_by(caller: Caller) -> str:
    assert caller.calls[-1].url == MODEL.url
    return (caller.authorization or "").partition("Credential=")[2].partition("/")[0]


def lent(world: World, name: str, lifetime_s: float) -> Caller:
    caller = world.call()
    caller.answer(Answer(b"session"))
    caller.answer(Answer(b"a-role"))
    caller.answer(keys(name, lifetime_s, world.clock.passed_s))
    assert signed_by(caller) == name
    return caller


def test_the_machine_is_asked_three_questions_with_a_second_for_each() -> None:
    caller = lent(World("bedrock", MACHINE), "ASIAONE", 21600)
    roles = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
    assert asked(caller) == [
        ("PUT", "http://169.254.169.254/latest/api/token"),
        ("GET", roles),
        ("GET", f"{roles}a-role"),
        ("POST", MODEL.url),
    ]
    opens = [effect for effect in caller.effects if isinstance(effect, Open)]
    waits = [(one.timeouts.connect_s, one.timeouts.first_byte_s, one.timeouts.between_bytes_s) for one in opens]
    assert waits == [(1.0, 1.0, 1.0)] * 3 + [(10.0, 300.0, 120.0)]


def test_lent_keys_are_asked_for_again_four_minutes_before_their_end() -> None:
    world = World("bedrock", MACHINE)
    lent(world, "ASIAONE", 21600)
    world.clock.passed_s = 21600 - EARLY_S - 1
    assert signed_by(world.call()) == "ASIAONE"
    world.clock.passed_s += 1
    lent(world, "ASIATWO", 21600)
    assert signed_by(world.call()) == "ASIATWO"


def test_where_the_machine_fails_keys_are_used_to_their_end_and_then_it_is_an_error() -> None:
    world = World("bedrock", MACHINE)
    lent(world, "ASIAONE", 21600)
    world.clock.passed_s = 21600 - 1
    late = world.call()
    late.answer(Answer(error=ConnectFailed("refused")))
    assert signed_by(late) == "ASIAONE"
    world.clock.passed_s += 1
    spent = world.call()
    spent.answer(Answer(error=ConnectFailed("refused")))
    assert isinstance(spent.error, MissingKey)
    assert "asked last was the metadata of the machine, http://169.254.169.254: refused" in spent.error.message
    assert PAUSE_S > 1


def test_silence_of_the_machine_is_a_lack_of_keys_for_all_who_wait() -> None:
    world = World("bedrock", MACHINE)
    first, second = world.call(), world.call()
    assert second.is_held
    first.answer(Answer(error=TimedOut("no connection within 1 s")))
    second.go_on()
    for caller in (first, second):
        assert isinstance(caller.error, MissingKey)
        assert "its hop limit must be 2" in caller.error.message


def test_one_who_leaves_lets_the_next_one_ask() -> None:
    world = World("bedrock", MACHINE)
    first, second = world.call(), world.call()
    first.answer(Answer(error=Cancelled("left")))
    second.go_on()
    assert isinstance(first.error, Cancelled)
    assert asked(second) == [("PUT", "http://169.254.169.254/latest/api/token")]


def test_what_each_question_took_is_taken_from_the_callers_time() -> None:
    world = World("bedrock", MACHINE)
    caller = world.call(Timeouts(first_byte_s=20, total_s=30))
    for answer in (Answer(b"session"), Answer(b"a-role"), keys("ASIAONE", 3600)):
        world.clock.passed_s += 0.5
        caller.answer(answer)
    opened = caller.at
    assert isinstance(opened, Open)
    assert (opened.timeouts.first_byte_s, opened.timeouts.total_s) == (18.5, 28.5)


def test_a_roles_keys_and_those_that_take_it_are_each_renewed_at_their_own_time(tmp_path: Path) -> None:
    config = "[default]\nrole_arn = arn:r\ncredential_source = Ec2InstanceMetadata\n"
    wrote(tmp_path / ".aws" / "config", config)
    world = World("bedrock", {"HOME": str(tmp_path), "AWS_REGION": "eu-west-3"})
    caller = world.call()
    for answer in (Answer(b"session"), Answer(b"a-role"), keys("ASIAMACHINE", 21600), assumed("ASIAROLE", 3600)):
        caller.answer(answer)
    assert signed_by(caller) == "ASIAROLE"
    assert caller.calls[3].url == "https://sts.eu-west-3.amazonaws.com/"
    world.clock.passed_s = 3600 - EARLY_S
    again = world.call()
    assert asked(again) == [("POST", "https://sts.eu-west-3.amazonaws.com/")], "the machine's keys hold on"
    again.answer(assumed("ASIAAGAIN", 3600, world.clock.passed_s))
    assert signed_by(again) == "ASIAAGAIN"


def assumed(name: str, lifetime_s: float, passed_s: float = 0.0) -> Answer:
    ends = datetime.fromtimestamp(EPOCH_S + passed_s + lifetime_s, UTC).isoformat()
    told = {"AccessKeyId": name, "SecretAccessKey": "very-secret", "SessionToken": "very-secret-too", "Expiration": ends}
    return Answer(f"<R><C>{''.join(f'<{field}>{value}</{field}>' for field, value in told.items())}</C></R>".encode())


def test_googles_metadata_server_is_asked_for_project_and_token_by_its_address() -> None:
    caller = World("vertex", GOOGLE).call()
    flavor = (("metadata-flavor", "Google"),)
    caller.answer(Answer(b"a-project", 200, flavor))
    caller.answer(Answer(b'{"access_token":"ya29.x","expires_in":3599}', 200, flavor))
    assert caller.authorization == "Bearer ya29.x"
    base = "http://169.254.169.254/computeMetadata/v1"
    scope = "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform"
    assert [url for _, url in asked(caller)[:2]] == [
        f"{base}/project/project-id",
        f"{base}/instance/service-accounts/default/token?scopes={scope}",
    ]
    opens = [effect for effect in caller.effects if isinstance(effect, Open)]
    assert [one.timeouts.connect_s for one in opens] == [1.0, 1.0, 10.0]


def test_azures_metadata_is_asked_once() -> None:
    caller = World("azure", AZURE).call()
    caller.answer(Answer(b'{"access_token":"eyJ.x","expires_in":"3599"}'))
    assert caller.authorization == "Bearer eyJ.x"
    (machine, _) = asked(caller)
    assert machine[1].startswith("http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=")


@pytest.mark.parametrize(("provider", "environment"), [("bedrock", MACHINE), ("vertex", GOOGLE), ("azure", AZURE)])
def test_until_a_call_is_made_nobody_is_asked(provider: str, environment: dict[str, str]) -> None:
    world = World(provider, environment)
    access = world.ring.access(world.row)
    assert access is not None
    assert access.last_resort
    assert access.signer is not None
    signer = access.signer()
    assert isinstance(signer, TokenSigner)
    made: TokenSigner[Proof] = signer
    assert made.ends_epoch_s is None
