"""What the bench reads, reckons and writes, where a slip would make a wrong figure look right."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from bench.gateway import load, paced, tables
from bench.gateway.__main__ import MARKS, arguments, contenders_of, placed, plan_of
from bench.gateway.contenders import DIRECT, GATEWAYS, LITELLM_ROW, NGINX, PASS, Contender, said
from bench.gateway.load import Load
from bench.gateway.machine import Failed, cpu_of_stat
from bench.gateway.mock import ANSWER_BYTES, FACES, OPENAI_PATH, answers, ask, scripts, stamp, stamped_at
from bench.gateway.scenes import Streaming, Trial, Weight, in_turns, percentile

RELAY = GATEWAYS[0]
TRANSLATED = GATEWAYS[3]


def loaded(per_s: float = 100.0, p50_us: float = 10.0, cpu_us: float = 20.0, foreign: float = 0.0) -> Load:
    return Load(per_s, p50_us, 2 * p50_us, cpu_us, foreign)


def beside_nginx(own: Sequence[float], nginx: Sequence[float]) -> list[Trial[Load]]:
    return [Trial(loaded(mine), {NGINX.name: loaded(theirs)}) for mine, theirs in zip(own, nginx, strict=True)]


# --- what is asked and answered


@pytest.mark.parametrize("path", answers())
def test_each_dialects_answer_has_the_same_length(path: str) -> None:
    assert len(answers()[path].encode()) == ANSWER_BYTES


@pytest.mark.parametrize("face", FACES)
def test_each_dialects_question_is_about_a_thousand_bytes_long(face: str) -> None:
    assert 950 <= len(ask(face, "gpt-4.1", "sk-bench").body) <= 1200


def test_nginx_reads_no_variable_into_an_answer() -> None:
    assert not any("$" in body or "'" in body for body in answers().values())


@pytest.mark.parametrize(("face", "path"), list(zip(FACES, answers(), strict=True)))
def test_the_words_of_an_answer_are_found(face: str, path: str) -> None:
    assert "Danube" in (said(face, answers()[path].encode()) or "")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{"message":{"content":null}}]}'])
def test_what_is_no_answer_has_no_words(body: bytes) -> None:
    assert said("openai", body) is None
    assert said("anthropic", body) is None


@pytest.mark.parametrize("path", scripts())
def test_a_streams_repeated_event_is_one(path: str) -> None:
    assert scripts()[path].event.count(b"\n\n") == 1
    assert scripts()[path].event.endswith(b"\n\n")


@pytest.mark.parametrize("path", scripts())
def test_a_streams_event_says_when_it_was_sent(path: str) -> None:
    event = scripts()[path].event
    assert event.count(stamp(0)) == 1
    assert stamped_at(event.replace(stamp(0), stamp(1_234_567))) == 1_234_567


@pytest.mark.parametrize("data", [b"", b"@", b"no moment", stamp(7)[:-1], stamp(7)[:-1] + b"x"])
def test_half_a_moment_is_none(data: bytes) -> None:
    assert stamped_at(data) is None


def test_a_paced_stream_begins_once_its_request_is_whole() -> None:
    request = b"POST %b HTTP/1.1\r\nhost: here\r\nContent-Length: 4\r\n\r\nbody" % OPENAI_PATH.encode()
    assert [paced.wanted(request[:end]) for end in range(len(request))] == [None] * len(request)
    assert paced.wanted(request) == OPENAI_PATH


def test_asking_whether_it_is_there_opens_no_stream() -> None:
    assert paced.wanted(b"GET /v1/chat/completions HTTP/1.1\r\n\r\n") == ""


# --- what is read


def test_wrks_figures_are_read() -> None:
    assert load.read("Running 3s test\nbench: 3000 3000000 61.50 900.00 0\n") == (3000, 3.0, 61.5, 900.0)


@pytest.mark.parametrize("output", ["", "unable to connect", "bench: 3000 3000000 61.50 900.00 1", "bench: 0 3000000 0.00 0.00 0"])
def test_a_run_with_a_failed_request_gives_no_figures(output: str) -> None:
    with pytest.raises(Failed):
        load.read(output)


def test_the_load_holds_the_question_and_its_headers() -> None:
    wanted = ask("anthropic", "gpt-4.1", "sk-bench")
    text = load.script(wanted)
    assert 'wrk.headers["x-api-key"] = "sk-bench"' in text
    assert json.loads(text.partition("[==[")[2].partition("]==]")[0]) == json.loads(wanted.body)


def test_cpu_time_is_read_in_nanoseconds_or_else_in_ticks() -> None:
    stat = "12 (a ) b) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0"
    assert cpu_of_stat(stat, "2500000000 7 8") == 2.5
    assert cpu_of_stat(stat, None) == 2.0


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    assert percentile(list(range(1, 101)), share) == value


# --- what is reckoned


def test_each_runs_right_after_the_yardstick_that_it_is_held_against() -> None:
    order: list[str] = []

    def measure(contender: Contender) -> int:
        order.append(contender.name)
        return len(order)

    trials = in_turns(measure, [RELAY, PASS], [NGINX], 2)
    assert order == [NGINX.name, RELAY.name, NGINX.name, PASS.name] * 2
    assert trials[PASS.name] == [Trial(4, {NGINX.name: 3}), Trial(8, {NGINX.name: 7})]
    assert [trial.own for trial in trials[NGINX.name]] == [1, 3, 5, 7]


def test_one_that_fails_is_left_out_and_the_others_are_measured() -> None:
    def measure(contender: Contender) -> str:
        if contender is RELAY:
            raise Failed("it hung up")
        return contender.name

    trials = in_turns(measure, [RELAY, PASS], [NGINX], 2)
    assert trials[RELAY.name] == []
    assert len(trials[PASS.name]) == 2


def test_the_ratio_is_the_middle_of_those_of_each_turn() -> None:
    ratio = tables.to_nginx(beside_nginx([50, 90, 80], [100, 100, 200]), lambda figures: figures.per_s)
    assert ratio == (0.5, 0.4, 0.9)


def test_an_added_delay_is_reckoned_over_the_direct_call_of_the_same_turn() -> None:
    trial = Trial(loaded(p50_us=50), {DIRECT.name: loaded(p50_us=8), NGINX.name: loaded(p50_us=40)})
    assert tables.added_us(trial, trial.own) == 42
    assert tables.added_us(trial, trial.beside[NGINX.name]) == 32


# --- what is written


@pytest.mark.parametrize(
    ("bar", "value", "verdict"),
    [
        (tables.Bar("≥", 0.5, " ×"), 0.5, "≥ 0.5 ×: reached"),
        (tables.Bar("≥", 0.5, " ×"), 0.49, "≥ 0.5 ×: **falls short**"),
        (tables.Bar("≤", 60, " MB"), 61, "≤ 60 MB: **falls short**"),
        (tables.Bar("≤", 0, " lost"), 0, "≤ 0 lost: reached"),
    ],
)
def test_a_bar_says_whether_it_is_reached(bar: tables.Bar, value: float, verdict: str) -> None:
    assert bar.verdict(value) == verdict


def cells(text: str, name: str) -> list[str]:
    """Of the row that begins with ``name``."""
    return next([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_the_table_of_load_names_best_ratio_and_bars() -> None:
    runs = beside_nginx([30, 20], [100, 100])
    text = tables.load_table(
        [NGINX, PASS, TRANSLATED], {NGINX.name: beside_nginx([100, 100], [100, 100]), PASS.name: runs, TRANSLATED.name: []}
    )
    assert cells(text, NGINX.name)[:3] == [NGINX.name, "100", "1"]
    assert cells(text, PASS.name)[1:3] == ["30.0", "0.25 × (0.20–0.30)"]
    assert cells(text, PASS.name)[-1] == "≥ 0.2 ×: reached, ≥ 0.5 ×: **falls short**"
    assert cells(text, TRANSLATED.name)[1] == "not measured"


def test_where_others_had_the_core_cpu_time_is_judged() -> None:
    busy = Trial(loaded(90, cpu_us=40, foreign=0.6), {NGINX.name: loaded(100, cpu_us=10)})
    text = tables.load_table([PASS], {PASS.name: [busy]})
    assert cells(text, PASS.name)[2] == "0.90 × (0.90–0.90)"
    assert cells(text, PASS.name)[-1].startswith("≥ 0.2 ×: reached, ≥ 0.5 ×: **falls short** (by CPU time")


def test_calm_turns_count_before_busy_ones() -> None:
    busy = Trial(loaded(90, foreign=0.6), {NGINX.name: loaded(100)})
    calm = Trial(loaded(30), {NGINX.name: loaded(100)})
    text = tables.load_table([PASS], {PASS.name: [busy, calm]})
    assert cells(text, PASS.name)[2] == "0.30 × (0.30–0.30)"
    assert "by CPU time" not in text


def test_events_taken_several_at_a_time_count_only_where_no_round_was_prompt() -> None:
    nginx = {NGINX.name: Streaming(3.0, 9.0, 10.0, 2.0, 1.0, 0.0)}
    late, prompt = (Trial(Streaming(3.0, 9.0, cpu_us, delay_ms, 1.0, 0.0), nginx) for cpu_us, delay_ms in ((12.0, 90.0), (40.0, 5.0)))
    both = tables.event_table([PASS], {PASS.name: [late, prompt]}, 400, 50)
    assert cells(both, PASS.name)[1:3] == ["40.0", "4.00 × (4.00–4.00)"]
    assert cells(both, PASS.name)[-1] == "≤ 1.5 ×: **falls short**"
    assert "not judged, events came several at a time" in cells(tables.event_table([PASS], {PASS.name: [late]}, 400, 50), PASS.name)[-1]


def test_a_first_event_is_not_judged_where_others_had_the_core() -> None:
    nginx = {NGINX.name: Streaming(3.0, 9.0, 10.0, 2.0, 1.0, 0.0)}
    calm, busy = (Trial(Streaming(3.0, p99_ms, 15.0, 2.0, 1.0, foreign), nginx) for p99_ms, foreign in ((18.0, 0.0), (90.0, 0.5)))
    assert cells(tables.first_table([PASS], {PASS.name: [calm, busy]}, 400), PASS.name)[-1] == "≤ 3 ×: reached"
    assert cells(tables.first_table([PASS], {PASS.name: [busy]}, 400), PASS.name)[-1] == "≤ 3 ×: not judged, others had the core too"


def test_every_row_of_every_table_has_a_cell_for_each_column() -> None:
    rows = [DIRECT, NGINX, PASS, TRANSLATED, LITELLM_ROW]
    beside = {DIRECT.name: loaded(p50_us=7), NGINX.name: loaded(p50_us=50)}
    loads = {one.name: [Trial(loaded(p50_us=60), beside)] for one in rows[:3]} | {LITELLM_ROW.name: [Trial(loaded(0.5), beside)]}
    seen = Streaming(3.0, 9.0, 15.0, 2.0, 1.0, 0.0)
    streams = {one.name: [Trial(seen, {NGINX.name: seen})] for one in rows[1:3]}
    texts = [
        tables.load_table(rows, loads),
        tables.delay_table(rows, loads),
        tables.event_table(rows, streams, 400, 50),
        tables.first_table(rows, streams, 400),
        tables.weight_table(rows, {PASS.name: Weight(0.3, 50_000_000, 15_000, 0)}, 2000),
    ]
    for text in texts:
        assert len({line.count("|") for line in text.splitlines()}) == 1
        assert len(text.splitlines()) == len(rows) + 2
    assert "200 × its requests/s; ≥ 200 × its requests/s: reached" in texts[0]
    assert texts[-1].count("reached") == 4


def test_the_page_keeps_what_stands_round_the_tables() -> None:
    page = f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nbehind\n"
    written = placed(page, "new")
    assert written == f"before\n{MARKS[0]}\n\nnew\n\n{MARKS[1]}\nbehind\n"
    assert placed(written, "new") == written


# --- what is chosen


def test_what_is_given_on_the_command_line_overrides_the_plan() -> None:
    assert plan_of(arguments(["--quick", "--rounds", "3", "--open-streams", "10000"]))[:2] == (3, 1)
    assert plan_of(arguments(["--open-streams", "10000"])).open_streams == 10_000


def test_others_gateways_are_measured_only_where_asked_for() -> None:
    assert LITELLM_ROW not in contenders_of(arguments([]))
    assert contenders_of(arguments(["--only", "relay", "--with-litellm"])) == [RELAY, LITELLM_ROW]
