"""``dragoman serve`` as a user types it: what it says, what it writes, what it refuses."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dragoman.emulator import Emulator
from dragoman.gateway.client_keys import hash_of
from dragoman.server import Answer
from tests.cli.conftest import SECRET
from tests.cli.conftest import bare as bare
from tests.cli.conftest import emulator as emulator
from tests.cli.terminal import Terminal, run
from tests.gateway.process import Serving
from tests.gateway.test_reload import ADA, CHAT
from tests.gateway.upstream import JSON, Upstream

Make = Callable[..., Serving]
BODY = {"model": "openai/gpt-4.1", "messages": [{"role": "user", "content": "hello"}]}
KEY = re.compile(r"dgm-[\w-]{43}")


def of_the_environment(emulator: Emulator) -> dict[str, str]:
    return {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": emulator.url("openai")}


def test_without_a_file_the_environments_keys_are_served_and_a_key_is_made_once(make_serving: Make, emulator: Emulator) -> None:
    serving = make_serving(None, **of_the_environment(emulator)).ready()
    (key,) = KEY.findall(serving.said)
    kept = Path(serving.environment["DRAGOMAN_HOME"]) / "client-keys.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert hash_of(key) in kept.read_text()
    assert key not in kept.read_text()
    assert SECRET not in serving.said
    assert "providers  openai\n" in serving.said
    assert f"keys       1, by hash in {kept}; remove that file to have a new one\n" in serving.said
    assert httpx.post(serving.url + CHAT, json=BODY).status_code == 401
    reply = httpx.post(serving.url + CHAT, json=BODY, headers={"authorization": f"Bearer {key}"}, timeout=20)
    assert reply.json()["choices"][0]["message"]["content"] == "You said: hello"
    assert httpx.post(serving.url + CHAT, json={**BODY, "model": "gpt-4.1"}, headers={"x-api-key": key}, timeout=20).status_code == 200
    assert serving.stop() == 0
    again = make_serving(None, **of_the_environment(emulator)).ready()
    assert not KEY.findall(again.said)
    assert httpx.post(again.url + CHAT, json=BODY, headers={"x-api-key": key}, timeout=20).status_code == 200


def test_servers_on_this_machine_are_found(make_serving: Make) -> None:
    listed = b'{"object":"list","data":[{"id":"model-of-this-machine","object":"model"}]}'
    with Upstream(lambda call: Answer(200, JSON, listed)) as local:
        serving = make_serving(None, VLLM_BASE_URL=f"{local.url}/v1").ready()
    assert "vllm" in serving.said
    (key,) = KEY.findall(serving.said)
    served = httpx.get(f"{serving.url}/v1/models", headers={"x-api-key": key}).json()["data"]
    assert [model["id"] for model in served] == ["vllm/model-of-this-machine"]


def test_a_demo_needs_nothing_and_writes_nothing(make_serving: Make) -> None:
    serving = make_serving(None, "--demo").ready()
    assert not KEY.findall(serving.said)
    assert "only this machine can call" in serving.said
    for model in ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "raycast/gpt-4", "lockchat/gpt-4", "equing/gpt-3.5-turbo"):
        reply = httpx.post(serving.url + CHAT, json={**BODY, "model": model}, timeout=20)
        assert reply.status_code == 200, reply.text
    assert not Path(serving.environment["DRAGOMAN_HOME"]).exists()
    assert serving.stop(signal.SIGINT) == 0
    assert "Traceback" not in serving.said


def test_the_lines_to_paste_point_at_it(make_serving: Make) -> None:
    serving = make_serving(None, "--demo").ready()
    told = dict(re.findall(r"export (\w+)=(\S+)", serving.said))
    assert told == {
        "OPENAI_BASE_URL": f"{serving.url}/v1",
        "ANTHROPIC_BASE_URL": serving.url,
        "GOOGLE_GEMINI_BASE_URL": serving.url,
        "OLLAMA_HOST": serving.url,
    }


def refused(*arguments: str, environment: dict[str, str], folder: Path) -> str:
    """What it says where it will not serve."""
    told = run("serve", "--port", "0", *arguments, environment={**environment, "PWD": str(folder)})
    assert told.returncode == 2, told
    assert "Traceback" not in told.stderr
    assert "serves at" not in told.stdout
    return told.stderr


def test_nothing_to_serve_is_told_and_no_key_is_made(bare: dict[str, str], tmp_path: Path) -> None:
    words = refused(environment=bare, folder=tmp_path)
    assert "no provider can be served" in words
    assert "--demo" in words
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.example"])
def test_others_are_not_let_in_without_keys(bare: dict[str, str], tmp_path: Path, host: str) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('[providers.openai]\nkey = "x"\n')
    words = refused("--config", str(file), "--host", host, environment=bare, folder=tmp_path)
    assert f"{host} can be reached from other machines" in words
    assert "dragoman keys new" in words


def test_nor_to_a_demo(bare: dict[str, str], tmp_path: Path) -> None:
    assert "can be reached from other machines" in refused("--demo", "--host", "0.0.0.0", environment=bare, folder=tmp_path)


def test_with_keys_they_are(make_serving: Make, emulator: Emulator) -> None:
    file = f'[providers.openai]\nkey = "{SECRET}"\nbase_url = "{emulator.url("openai")}"\n[keys.ada]\nkey = "{ADA}"\n'
    serving = make_serving(file, "--host", "0.0.0.0")
    serving.until(lambda: "serves at" in serving.said)
    port = re.findall(r"serves at \S+:(\d+)", serving.said)[0]
    serving.until(lambda: "OLLAMA_HOST" in serving.said)
    assert httpx.post(f"http://127.0.0.1:{port}{CHAT}", json=BODY).status_code == 401
    assert httpx.post(f"http://127.0.0.1:{port}{CHAT}", json=BODY, headers={"x-api-key": ADA}, timeout=20).status_code == 200
    assert ADA not in serving.said
    assert SECRET not in serving.said


def test_a_port_that_is_taken_is_told_with_what_to_do(make_serving: Make, bare: dict[str, str], tmp_path: Path) -> None:
    port = make_serving(None, "--demo").url.rpartition(":")[2]
    words = refused("--demo", "--port", port, environment=bare, folder=tmp_path)
    assert f"cannot listen on 127.0.0.1:{port}" in words
    assert "choose another one" in words


def test_a_file_with_mistakes_is_told_with_every_line(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('listen = "nowhere"\nworkrs = 2\n[providers.openai]\nkey = "${NOT_SET_AT_ALL}"\n')
    words = refused("--config", str(file), environment=bare, folder=tmp_path)
    for line in ("dragoman.toml:1: listen", "dragoman.toml:2: workrs: unknown", "dragoman.toml:4: providers.openai.key"):
        assert line in words.replace("\n", "")
    assert "no such file" in refused("--config", str(tmp_path / "none.toml"), environment=bare, folder=tmp_path)


def test_a_certificate_that_cannot_be_used_is_told(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('[providers.openai]\nkey = "x"\n[tls]\ncertificate = "none.pem"\nkey = "none.key"\n')
    assert "none.pem" in refused("--config", str(file), environment=bare, folder=tmp_path)


def test_a_log_that_nobody_reads_fails_no_call(make_serving: Make) -> None:
    serving = make_serving(None, "--demo").ready()
    url = serving.url
    assert serving.process.stdout
    descriptor = serving.process.stdout.fileno()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, descriptor)  # the reading end of its output is gone
    os.close(null)
    for _ in range(3):
        assert httpx.post(url + CHAT, json=BODY, timeout=20).status_code == 200
    assert serving.stop() in (0, 120)  # which is Python's own where its last words are lost


def test_on_a_terminal_it_fits_and_ends_with_ctrl_c(bare: dict[str, str]) -> None:
    with Terminal("serve", "--demo", "--port", "0", environment=bare, size=(80, 24)) as terminal:
        terminal.expect("OLLAMA_HOST")
        assert max(len(line) for line in terminal.said.splitlines()) <= 80
        terminal.press("\x03")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.said


@pytest.mark.parametrize("name", ["raycast", "lockchat", "gravityengine", "equing"])
def test_clients_of_the_legacy_providers_reach_a_demo_at_their_own_address(make_serving: Make, name: str) -> None:
    """Equing's names an origin, as a browser does."""
    serving = make_serving(None, "--demo").ready()
    environment = {**serving.environment, f"{name.upper()}_BASE_URL": f"{serving.url}/{name}", "RAYCAST_API_KEY": SECRET}
    told = run("chat", "-m", name, "Hello there.", environment=environment)
    assert (told.returncode, told.stdout) == (0, "Hello there.\n"), told.stderr


def snippets(page: str) -> dict[str, str]:
    """What the page shows to paste, by client."""
    (ways,) = re.findall(r"const ways = \{\n(.*?)\n\};", page, re.S)
    return dict(re.findall(r'^  "([^"]+)": \(\) => `(.*)`,$', ways, re.M))


@pytest.mark.parametrize("client", ["OpenAI", "Anthropic", "Gemini", "Ollama"])
def test_what_the_page_shows_to_paste_prints_an_answer(make_serving: Make, client: str) -> None:
    serving = make_serving(None, "--demo").ready()
    code = snippets(httpx.get(serving.url).text)[client].replace("\\n", "\n")
    for name, value in {"at": serving.url, "key": "any", "model": "openai/gpt-4.1"}.items():
        code = code.replace(f"${{{name}}}", value)
    done = subprocess.run([sys.executable, "-c", code], env=serving.environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "Hello\n"), done.stderr


def test_a_service_that_is_gone_or_wants_no_key_is_served_where_an_address_is_set(make_serving: Make) -> None:
    serving = make_serving(
        None, RAYCAST_API_KEY=SECRET, RAYCAST_BASE_URL="http://127.0.0.1:9", LOCKCHAT_BASE_URL="http://127.0.0.1:9"
    ).ready()
    assert "providers  lockchat, raycast\n" in serving.said


def test_a_service_that_is_gone_is_not_served_at_its_own_address(bare: dict[str, str]) -> None:
    told = run("serve", "--port", "0", environment={**bare, "RAYCAST_API_KEY": SECRET})
    assert told.returncode == 2
    assert "no provider can be served" in told.stderr
