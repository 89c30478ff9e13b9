"""Each fault of a dragoman.toml is found, with its line, what was given and what is allowed; a sound file becomes a ``Config``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.core.errors import UsageError
from dragoman.gateway.client_keys import ClientKeys, hash_of
from dragoman.gateway.config.file import find_config, read_config
from dragoman.gateway.config.tables import Config, KeyTable, ModelTable, ProviderTable, WaitsTable
from dragoman.gateway.config.toml_text import toml_value
from dragoman.settings import Surroundings

SECRET = "sk-never-to-be-seen-4711"
LONG = "a-key-in-the-clear-0123456789"
HASH = hash_of(LONG)
OPENAI = f'[providers.openai]\nkey = "{SECRET}"\n'

Read = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str, **environment: str) -> Config:
        path = tmp_path / "dragoman.toml"
        path.write_text(text, encoding="utf-8")
        return read_config(path, {"HOME": str(tmp_path), **environment})

    return read


@pytest.fixture
def faults(read: Read, tmp_path: Path) -> Callable[..., list[str]]:
    """The faults of a text, each without the path of the file."""

    def faults(text: str, **environment: str) -> list[str]:
        with pytest.raises(UsageError) as caught:
            read(text, **environment)
        lines = caught.value.message.splitlines()
        assert all(line.startswith(f"{tmp_path}/dragoman.toml:") for line in lines)
        return [line.removeprefix(f"{tmp_path}/dragoman.toml:") for line in lines]

    return faults


Faults = Callable[..., list[str]]


def test_a_whole_file_is_read(read: Read) -> None:
    config = read(
        f"""
        listen = "0.0.0.0:4000"
        workers = 2
        [providers.openai]
        key = "${{OPENAI_KEY}}"
        models = ["gpt-4.1"]
        [providers.eu]
        like = "openai"
        base_url = "https://eu.example.org/v1"
        key = "{SECRET}"
        [providers.house]
        dialect = "openai_chat"
        base_url = "http://${{HOUSE:-127.0.0.1}}:8080/v1"
        auth = {{ place = "header", name = "x-key", required = false }}
        quirks = {{ drop = ["seed"] }}
        [models.fast]
        targets = ["openai/gpt-4.1-mini", "house/small"]
        timeouts = {{ total = 5 }}
        [models."house-*"]
        targets = ["house/*"]
        [keys.web]
        hash = "{HASH}"
        models = ["fast"]
        """,
        OPENAI_KEY=SECRET,
    )
    assert config.providers["openai"].key == SECRET
    assert config.providers["house"].base_url == "http://127.0.0.1:8080/v1"
    assert config.providers["house"].quirks == {"drop": ["seed"]}
    assert config.models["fast"].timeouts == WaitsTable(total=5.0)
    assert (config.workers, config.keys["web"].hash) == (2, HASH)
    assert SECRET not in repr(config)


def test_an_empty_file_is_all_defaults(read: Read) -> None:
    assert read("") == Config()


FAULTS = {
    "unknown key": ("workrs = 1", ["1: workrs: unknown; did you mean 'workers'?"]),
    "unknown table": ("\n[modells.fast]", ["2: modells: unknown; did you mean 'models'?"]),
    "unknown key within": ("[limits]\nbody_byte = 1", ["2: limits.body_byte: unknown; did you mean 'body_bytes'?"]),
    "wrong type": ('workers = "two"', ["1: workers: 'two' was given; a whole number from 1 is expected"]),
    "truth for a number": ("workers = true", ["1: workers: True was given; a whole number from 1 is expected"]),
    "wrong table": ("limits = 5", ["1: limits: a whole number was given; a table is expected"]),
    "wrong list": ('[cors]\norigins = "x"', ["2: cors.origins: a string was given; a list is expected"]),
    "wrong switch": ('[otel]\ncontent = "yes"', ["2: otel.content: a string was given; true or false is expected"]),
    "date for a text": ("listen = 2026-11-21", ["1: listen: a date or time was given; a string is expected"]),
    "too small": ("workers = 0", ["1: workers: 0 was given; a whole number from 1 is expected"]),
    "too large": ("max_retries = 21", ["1: max_retries: 21 was given; a whole number from 0 up to 20 is expected"]),
    "no wait": ("[timeouts]\ntotal = 0", ["2: timeouts.total: 0 was given; a number above 0 is expected"]),
    "no end": ("[timeouts]\ntotal = inf", ["2: timeouts.total: inf was given; a number above 0 is expected"]),
    "choice": ('[log]\naccess = "xml"', ["2: log.access: 'xml' was given; one of json, off, text is expected"]),
    "listen without port": (
        'listen = "localhost"',
        ["1: listen: 'localhost' was given; host:port is expected, such as 127.0.0.1:4000, 0.0.0.0:4000 or [::1]:4000"],
    ),
    "wide without keys": ('listen = "0.0.0.0:80"', ["1: listen: 0.0.0.0 can be reached from other machines, and there are no keys"]),
    "variable not set": ('[otel]\nservice_name = "${NOPE}"', ["2: otel.service_name: the environment variable NOPE is not set"]),
    "variable empty": ('[otel]\nservice_name = "${EMPTY}"', ["2: otel.service_name: the environment variable EMPTY is empty"]),
    "variable open": ('[otel]\nservice_name = "${NOPE"', ["2: otel.service_name: '${NOPE' was given; ${NAME} or ${NAME:-default}"]),
    "variable odd": ('[otel]\nservice_name = "${9}"', ["2: otel.service_name: '${9}' was given; ${NAME} or ${NAME:-default}"]),
    "variable in a list": (
        "[providers.ollama]\nmodels = [\n'a',\n'${NOPE}']",
        ["4: providers.ollama.models[1]: the environment variable NOPE"],
    ),
    "unknown provider": ("[providers.opnai]", ["1: providers.opnai: not known; did you mean 'openai'? One of your own needs dialect"]),
    "no key": ("[providers.openai]", ["1: providers.openai: OpenAI needs a key: set OPENAI_API_KEY, or write it here"]),
    "empty key": ('[providers.openai]\nkey = ""', ["1: providers.openai: keys['openai']: an empty key was given"]),
    "no address": (
        "[providers.azure]\nkey = 'x'",
        ["1: providers.azure: azure: its address needs AZURE_OPENAI_ENDPOINT or AZURE_API_BASE"],
    ),
    "no credentials": (
        "[providers.bedrock]\nbase_url='https://x.example.org'",
        ["1: providers.bedrock: Amazon Bedrock needs credentials: set AWS_BEARER_TOKEN_BEDROCK"],
    ),
    "own without address": ("[providers.mine]\ndialect = 'openai_chat'", ["1: providers.mine: base_url is missing"]),
    "own dialect": (
        "[providers.mine]\ndialect = 'openai'\nbase_url = 'nowhere'",
        ["2: providers.mine.dialect: 'openai' was given; did you mean", "3: providers.mine.base_url: 'nowhere' was given; an address like"],
    ),
    "own name": (
        "[providers.Mine]\ndialect = 'openai_chat'\nbase_url = 'http://x'",
        ["1: providers.Mine: the provider name 'Mine' is not"],
    ),
    "like whom": ("[providers.mine]\nlike = 'opnai'", ["2: providers.mine.like: 'opnai' is not known; did you mean 'openai'?"]),
    "own abilities": (
        "[providers.x]\nlike='ollama'\nabilities = ['chat', 'tols']",
        ["3: providers.x.abilities[1]: 'tols' was given; did you mean"],
    ),
    "own quirks": ("[providers.x]\nlike='ollama'\nquirks = { drp = [] }", ["3: providers.x.quirks.drp: unknown; did you mean 'drop'?"]),
    "own auth": (
        "[providers.x]\nlike='ollama'\nauth = { place = 'heder' }",
        ["3: providers.x.auth.place: 'heder' was given; did you mean 'header'?"],
    ),
    "auth without a name": (
        "[providers.x]\nlike='ollama'\nkey = 'k'\nauth = { place = 'header' }",
        ["4: providers.x.auth: name is missing; a key in a header needs the field's name"],
    ),
    "quirk that is no pattern": (
        "[providers.x]\nlike='ollama'\nquirks = { passing_faults = [{ pattern = '(', error = 'BadReply' }] }",
        ["1: providers.x: provider x: quirks: passing_faults: pattern '(' is no regular expression"],
    ),
    "quirks of the catalogue's": (
        "[providers.ollama]\nquirks = { drop = [] }",
        ['2: providers.ollama.quirks: only a provider of one\'s own has it; make this one so with like = "ollama"'],
    ),
    "nothing served": ("discover = false", ["1: discover: no provider is named and none is looked for"]),
    "target that is no name": (
        OPENAI + "[models.fast]\ntargets = ['gpt-4.1']",
        ["4: models.fast.targets[0]: 'gpt-4.1' was given; provider/model is expected, perhaps 'openai/gpt-4.1' or"],
    ),
    "target of the file's own": (
        OPENAI + "[models.fast]\ntargets = ['slow']\n[models.slow]\ntargets = ['openai/o3']",
        ["4: models.fast.targets[0]: 'slow' was given; provider/model is expected, and 'slow' is a name of this file; write its targets"],
    ),
    "target unknown": (
        OPENAI + "[models.fast]\ntargets = ['opnai/x']",
        ["4: models.fast.targets[0]: provider 'opnai' is not known; did you mean"],
    ),
    "target not served": (
        OPENAI + "[models.fast]\ntargets = ['openai/o3',\n'mistral/x']",
        ["5: models.fast.targets[1]: provider 'mistral' is not served; add [providers.mistral]"],
    ),
    "target without a key": (
        "[models.fast]\ntargets = ['openai/o3']",
        ["2: models.fast.targets[0]: OpenAI needs a key: set OPENAI_API_KEY"],
    ),
    "target refused": (
        "[providers.lockchat]\n[models.fast]\ntargets = ['lockchat/gpt-5']",
        ["3: models.fast.targets[0]: lockchat has no 'gpt-5'; did you mean 'gpt-4'?"],
    ),
    "target twice": (
        OPENAI + "[models.fast]\ntargets = ['openai/o3', 'openai/o3']",
        ["4: models.fast.targets[1]: 'openai/o3' was given twice, first as targets[0]"],
    ),
    "no targets": (
        OPENAI + "[models.fast]\ntargets = []",
        ["4: models.fast.targets: it is empty; at least one provider/model is expected"],
    ),
    "targets missing": (OPENAI + "[models.fast]\nhidden = true", ["3: models.fast: targets is missing"]),
    "star in the target alone": (
        OPENAI + "[models.fast]\ntargets = ['openai/*']",
        ["4: models.fast.targets[0]: 'openai/*' was given; no * is"],
    ),
    "stars in the target": (
        OPENAI + "[models.'f*']\ntargets = ['openai/*-*']",
        ["4: models.\"f*\".targets[0]: 'openai/*-*' was given; one * at most"],
    ),
    "star for a provider": (
        OPENAI + "[models.'f*']\ntargets = ['*/x']",
        ["4: models.\"f*\".targets[0]: '*/x' was given; a * can stand in the"],
    ),
    "stars in the name": (
        OPENAI + "[models.'f*o*']\ntargets = ['openai/o3']",
        ["3: models.\"f*o*\": 'f*o*' is no name of a model; a text with one *"],
    ),
    "pattern behind a wider": (
        OPENAI + "[models.'gpt-*']\ntargets = ['openai/*']\n[models.'gpt-*-mini']\ntargets = ['openai/o3']",
        ["5: models.\"gpt-*-mini\": never reached: 'gpt-*' stands before it and takes all that it would; put this one first"],
    ),
    "pattern of a provider": (
        OPENAI + "[models.'openai/*']\ntargets = ['openai/o3']",
        ["3: models.\"openai/*\": never reached: 'openai' is served, so that its models' names lead there themselves"],
    ),
    "name that leads to itself": (OPENAI + "[models.'openai/o3']\ntargets = ['openai/o3']", ['3: models."openai/o3": leads to itself']),
    "name that hides": (
        OPENAI + "[models.'openai/o3']\ntargets = ['openai/o4']",
        ["3: models.\"openai/o3\": hides the model of this name of 'openai', which is served"],
    ),
    "key for what nobody gets": (
        OPENAI
        + f"[models.fast]\ntargets = ['openai/o3']\n[keys.web]\nhash = '{HASH}'\nmodels = ['fast', 'fsat', 'azure/x', 'openai/x', 'x*']",
        [
            "7: keys.web.models[1]: 'fsat' is no name of a model that is served here; did you mean 'fast'?",
            "7: keys.web.models[2]: 'azure/x' is no name of a model that is served here; ",
        ],
    ),
    "key of neither kind": ("[keys.web]\nmodels = ['x']", ["1: keys.web: neither hash nor key was given"]),
    "key of both kinds": (f"[keys.web]\nhash = '{HASH}'\nkey = '{LONG}'", ["1: keys.web: both hash and key were given"]),
    "no hash": ("[keys.web]\nhash = 'sha256:12'", ["1: keys.web: hash: what was given is no hash; sha256: and 64 lower-case hexadecimal"]),
    "short key": (
        "[keys.web]\nkey = 'letmein'",
        ["1: keys.web: key: 7 letters were given, which can be guessed; 16 at least are expected"],
    ),
    "key with blanks": (f"[keys.web]\nkey = '{LONG} {LONG}'", ["1: keys.web: key: the key holds characters that no key has"]),
    "the same key": (
        f"[keys.web]\nhash = '{HASH}'\n[keys.b]\nkey = '{LONG}'",
        ["3: keys.b: the same key as keys.web: no caller would be known"],
    ),
    "a caller's key for the admin": (f"[keys.web]\nhash = '{HASH}'\n[admin]\nkey = '{LONG}'", ["3: admin: the same key as keys.web"]),
    "no files": (
        "[tls]\ncertificate = 'no/c.pem'\nkey = 'no/k.pem'",
        ["2: tls.certificate: no/c.pem cannot be read: No such file", "3: tls.key: no/k.pem cannot be read: No such file"],
    ),
    "half of TLS": ("[tls]\nkey = 'k.pem'", ["1: tls: certificate is missing"]),
    "no origin": (
        "[cors]\norigins = ['https://a.example', 'example.org/']",
        ["2: cors.origins[1]: 'example.org/' was given; scheme://host"],
    ),
    "no endpoint": ("[otel]\nendpoint = 'collector:4318'", ["2: otel.endpoint: 'collector:4318' was given; an address like https://host"]),
}


@pytest.mark.parametrize(("text", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_line(text: str, expected: list[str], faults: Faults) -> None:
    told = faults(text, EMPTY="")
    assert len(told) == len(expected), told
    for line, start in zip(told, expected, strict=True):
        assert line.startswith(start)


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(faults: Faults) -> None:
    sound = [text for text, told in FAULTS.values() if text.startswith("[") and len(told) == 1 and "[models" not in text]
    tables = {text.splitlines()[0]: text for text in sound}
    told = faults("\n".join(["workrs = 1", 'listen = "x"', *tables.values()]))
    assert len(told) == len(tables) + 2
    assert [int(line.partition(":")[0]) for line in told] == sorted(int(line.partition(":")[0]) for line in told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("listen = ", "1: not valid TOML: Invalid value"),
        ("a = 1\n[b\n", "2: not valid TOML: "),
        ("a = 1\na = 2\n", "2: not valid TOML: Cannot overwrite a value, column 6"),
        ("a = '''\n\n", "3: not valid TOML: "),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, expected: str, faults: Faults) -> None:
    (told,) = faults(text)
    assert told.startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        f"[keys.web]\nkey = ['{SECRET}']",
        f"[keys.web]\nkey = '{SECRET}'\nhash = '{SECRET}'",
        f"[keys.web]\nkey = '{SECRET} x'",
        f"[otel]\nheaders = '{SECRET}'",
        f"[admin]\nhash = '{SECRET}'",
        "[providers.openai]\nbase_url = '${KEY}'",
        "listen = '${KEY}'",
        "workers = '${KEY}'",
        "[models.fast]\ntargets = ['${KEY}']",
        f"[providers.openai]\nbase_url = 'https://h.example/v1?key={SECRET}'",
        f"[otel]\nendpoint = 'http://u:{SECRET}@h.example'",
        f"[providers.openai]\nkey = '{SECRET}\\n'\n[keys.web]\nkey='{SECRET}",
    ],
)
def test_no_fault_shows_a_key_or_what_the_environment_holds(text: str, faults: Faults) -> None:
    assert SECRET not in "\n".join(faults(text, KEY=SECRET))


def test_variables_fill_texts_numbers_and_switches(read: Read) -> None:
    config = read(
        "workers = '${N}'\n[timeouts]\ntotal = '${WAIT:-2.5}'\n[otel]\ncontent = '${ON}'\nservice_name = 'a-${N}-${NO:-}-$${N}'",
        N="3",
        ON="true",
    )
    assert (config.workers, config.timeouts.total, config.otel.content, config.otel.service_name) == (3, 2.5, True, "a-3--${N}")


@pytest.mark.parametrize("listen", ["127.0.0.1:4000", "127.8.8.8:1", "localhost:0", "[::1]:65535"])
def test_addresses_of_this_machine_need_no_keys(listen: str, read: Read) -> None:
    assert read(f"listen = '{listen}'").listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:4000", "gateway.internal:4000", "10.0.0.7:4000"])
def test_wider_addresses_need_keys(listen: str, read: Read, faults: Faults) -> None:
    assert "there are no keys" in faults(f"listen = '{listen}'")[0]
    assert read(f"listen = '{listen}'\n[keys.web]\nhash = '{HASH}'").listen == listen


@pytest.mark.parametrize(
    "listen", ["", ":4000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:4000", "[127.0.0.1]:80", "http://x:80", "a b:1"]
)
def test_what_is_no_address_is_refused(listen: str, faults: Faults) -> None:
    assert "host:port is expected" in faults(f"listen = '{listen}'")[0]


SOUND = {
    "a provider of this machine where nothing is named": "[models.fast]\ntargets = ['ollama/llama3']",
    "a second account": OPENAI + f"[providers.openai-eu]\nlike = 'openai'\nkey = '{SECRET}x'\n[models.a]\ntargets = ['openai-eu/o3']",
    "names with a fallback": OPENAI + "[models.'openai/o3']\ntargets = ['openai/o3', 'openai/o4']",
    "waits of one model": OPENAI + "[models.'openai/o3']\ntargets = ['openai/o3']\ntimeouts = { total = 900 }",
    "a provider's name that is not served": OPENAI + "[models.'azure/*']\ntargets = ['openai/*']",
    "a narrow pattern before a wide one": OPENAI
    + "[models.'gpt-*-mini']\ntargets = ['openai/o3']\n[models.'gpt-*']\ntargets = ['openai/*']",
    "patterns that cross": OPENAI + "[models.'a*']\ntargets = ['openai/*']\n[models.'*b']\ntargets = ['openai/*']",
    "any name": OPENAI + "[models.'*']\ntargets = ['openai/*']",
    "an own row without a key": "[providers.x]\ndialect = 'ollama'\nbase_url = 'http://127.0.0.1:9'\n[models.a]\ntargets = ['x/y']",
    "the catalogue's name for an own row": "[providers.openai]\ndialect = 'openai_chat'\nbase_url = 'http://127.0.0.1:9'",
    "found beside named": OPENAI.replace("openai", "ollama") + "[models.a]\ntargets = ['openai/o3']\n",
    "a key for a model's own name": OPENAI + f"[models.'house-*']\ntargets = ['openai/*']\n[keys.web]\nhash = '{HASH}'\n"
    "models = ['gpt-4.1', 'house-x', 'house-']",
    "a key for what may be found": f"[keys.web]\nhash = '{HASH}'\nmodels = ['fast']",
    "origins": "[cors]\norigins = ['*', 'https://a.example', 'http://localhost:3000']",
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_what_is_sound_is_read(text: str, read: Read) -> None:
    found = {"OPENAI_API_KEY": SECRET} if "discover" in text or "[providers.ollama]" in text else {}
    read("discover = true\n" + text if found else text, **found)


def test_certificate_and_key_are_tried_together(read: Read, faults: Faults, tmp_path: Path) -> None:
    authority = trustme.CA()
    for name in ("one", "two"):
        issued = authority.issue_cert("gateway.example")
        issued.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
    text = f"[tls]\ncertificate = '{tmp_path}/one.pem'\nkey = '{tmp_path}/%s.key'"
    assert read(text % "one").tls is not None
    assert faults(text % "two") == ["1: tls: certificate and key do not serve together: KEY_VALUES_MISMATCH"]


def test_a_key_in_the_key_file_is_enough(read: Read, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "keys.toml").write_text(f'openai = "{SECRET}"')
    assert "openai" in read("[providers.openai]", DRAGOMAN_HOME=str(home)).providers


def test_rows_of_the_users_own_files_are_known(read: Read, tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_text("[providers.house]\ndialect = 'ollama'\nbase_url = 'http://h'\nauth = { required = false }")
    assert "house" in read("[providers.house]", DRAGOMAN_HOME=str(tmp_path)).providers


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x\.toml: cannot be read: No such file"):
        read_config(tmp_path / "x.toml", {})
    (tmp_path / "latin.toml").write_bytes(b"listen = '\xe9'")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_config(tmp_path / "latin.toml", {})


def test_the_file_is_looked_for_in_its_order(tmp_path: Path) -> None:
    folder, home = tmp_path / "folder", tmp_path / "home"
    files = [tmp_path / "given.toml", tmp_path / "named.toml", folder / "dragoman.toml", home / "dragoman.toml"]
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    given, named, own, users = files
    around = Surroundings({"DRAGOMAN_CONFIG": str(named)}, home)
    assert find_config(given, around, folder) == given
    assert find_config(None, around, folder) == named
    assert find_config(None, Surroundings({}, home), folder) == own
    own.unlink()
    assert find_config(None, Surroundings({}, home), folder) == users
    users.unlink()
    assert find_config(None, Surroundings({}, home), folder) is None


@pytest.mark.parametrize(("given", "environment"), [(Path("no.toml"), {}), (None, {"DRAGOMAN_CONFIG": "no.toml"})])
def test_a_file_that_was_named_must_be_there(given: Path | None, environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.toml: no such file"):
        find_config(given, Surroundings(environment, tmp_path))


WORDS = st.sampled_from(
    ["", "x", "openai", "openai/o3", "openai/*", "*", "a*", "${NO}", "${", "0.0.0.0:1", HASH, LONG, "http://[", "\x00", "é", "sha256:"]
)
ANYTHING = st.recursive(
    WORDS | st.booleans() | st.integers() | st.floats() | st.just(datetime(2026, 11, 21, tzinfo=UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
NAMED = {
    name: st.one_of(
        ANYTHING, st.dictionaries(WORDS, st.dictionaries(st.sampled_from(table.__struct_fields__), ANYTHING, max_size=4), max_size=3)
    )
    for name, table in (("providers", ProviderTable), ("models", ModelTable), ("keys", KeyTable))
}
ROUGH = st.fixed_dictionaries({}, optional={name: NAMED.get(name, ANYTHING) for name in Config.__struct_fields__})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150)
@given(ROUGH)
def test_nothing_in_a_file_is_more_than_a_usage_error(tmp_path: Path, told: dict[str, Any]) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text("".join(f"{name} = {toml_value(value)}\n" for name, value in told.items()), encoding="utf-8")
    told_as = ""
    try:
        ClientKeys(read_config(path, {"HOME": str(tmp_path), "OPENAI_API_KEY": SECRET}).keys)
    except UsageError as fault:
        told_as = fault.message
    assert re.fullmatch(rf"({re.escape(str(path))}:\d+: [^\n]+\n?)*", told_as)
