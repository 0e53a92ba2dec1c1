"""
The command line on real input: output for people and machines, exit codes, errors.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Ran, here, run
from wire_calls import Caller

from engines.contract import Complexity, Risk, Tier
from gateway.cli.demo import KEPT, load_day
from gateway.cli.main import cli
from gateway.config import shipped
from gateway.errors import ConfigError


pytestmark = pytest.mark.timeout(180)


def refused(ran: Ran, code: int = 2) -> str:
    """The command ended with that code and one plain message; the message."""
    assert ran.code == code, ran
    assert "Traceback" not in ran.err
    assert ran.err.strip()
    return ran.err


def test_a_scripted_day_ends_well_and_says_so(tmp_path: Path) -> None:
    """Exit 0: every message answered, with a person or ticketed; one row each."""
    ran = run("demo", "--once", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    rows = ran.tree()["messages"]
    day = load_day(shipped("demo/day.yaml"))
    assert len(rows) == sum(len(scene.turns) for scene in day)
    assert [row["text"] for row in rows] == [t for scene in day for t in scene.turns]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert row.keys() >= {
            "id",
            "text",
            "tier",
            "complexity",
            "risk",
            "status",
            "ms",
        }
        assert row["status"] in KEPT
        assert row["tier"] in set(Tier)
        assert row["complexity"] in {*Complexity, ""}
        assert row["risk"] in {*Risk, ""}
        assert 0 < row["ms"] < 15_000
    assert {row["tier"] for row in rows} == set(Tier)
    assert list(tmp_path.iterdir()) == [], "the day leaves nothing behind"


LINES = """\
{"id": "a", "messages": [{"role": "customer", "text": "多久发货"}, \
{"role": "assistant", "text": "48 小时"}, {"role": "customer", "text": "谢谢"}]}
{"text": "how long does shipping take?"}

not json
{"messages": []}
{"conversation_id": "b", "dialogue": [{"speaker": "买家", "content": "怎么退货"}]}
[1, 2]
"""


def test_a_replay_reports_every_line(tmp_path: Path) -> None:
    """Exit 3 names the lines that were skipped; the rest is replayed in full."""
    file = tmp_path / "talks.jsonl"
    file.write_text(LINES, encoding="utf-8")
    ran = run("replay", file, "--json", cwd=tmp_path)
    assert ran.code == 3, ran.err
    report = ran.tree()
    assert (report["conversations"], report["messages"]) == (3, 4)
    assert [bad["line"] for bad in report["skipped"]] == [4, 5, 7]
    assert "JSON" in report["skipped"][0]["reason"]
    assert sum(report["by_status"].values()) == 4
    assert set(report["by_status"]) <= KEPT
    assert [one["text"] for one in report["outcomes"]] == [
        "多久发货",
        "谢谢",
        "how long does shipping take?",
        "怎么退货",
    ]


def test_a_replay_against_a_running_gateway(app: Caller, tmp_path: Path) -> None:
    """With address and key; a wrong key is reported, not hidden."""
    file = tmp_path / "talks.jsonl"
    file.write_text('{"text": "多久发货"}\n', encoding="utf-8")
    words: list[str | Path] = ["replay", file, "--json", "--url", app.stack.url]
    fine = here(*words, "--key", app.key)
    assert (fine.code, fine.tree()["by_status"]) == (0, {"answered": 1})
    wrong = here(*words, "--key", "nope")
    assert (wrong.code, wrong.tree()["refused"]) == (1, {"401": 1})
    assert "--key" in refused(here(*words))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty", "", "no conversation"),
        ("nonsense", "nonsense\n", "no conversation"),
        ("roles", '{"messages": [{"role": "assistant", "text": "a"}]}\n', "customer"),
    ],
)
def test_a_file_without_conversations_is_refused(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    """It says what was looked for."""
    file = tmp_path / f"{name}.jsonl"
    file.write_text(text, encoding="utf-8")
    ran = here("replay", file)
    assert ran.code in (1, 2)
    assert words in refused(ran, ran.code)


def test_a_file_that_is_not_utf8_is_refused_by_its_lines(tmp_path: Path) -> None:
    """The good lines are replayed; the bad one is named."""
    file = tmp_path / "latin.jsonl"
    file.write_bytes(b'{"text": "caf\xe9"}\n')
    ran = here("replay", file)
    assert ran.code in (1, 2)
    assert "UTF-8" in refused(ran, ran.code)


REFUND = [
    {"role": "customer", "text": "我要退款"},
    {"role": "assistant", "text": "请提供订单号"},
]


def test_routing_reads_lines_and_answers_each() -> None:
    """Ids come back; a bad line is an error with its number, exit 3."""
    lines = [
        '{"id": "x", "text": "多久发货"}',
        json.dumps({"text": "K3003", "context": REFUND}),
        '{"txt": "no"}',
        "",
        '{"text": "转人工"}',
    ]
    ran = here("route", "-", stdin="\n".join(lines) + "\n")
    assert ran.code == 3
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert len(rows) == 4
    assert (rows[0]["id"], rows[0]["tier"]) == ("x", "L1")
    assert rows[1]["tier"] == "L3"
    assert rows[2]["line"] == 3
    assert rows[2]["error"]
    assert rows[3]["asks_human"] is True


def test_routing_one_text() -> None:
    """For people, and as JSON."""
    ran = here("route", "第2件退掉其他保留", "--json")
    assert ran.code == 0
    assert ran.tree()["tier"] == "L3"
    assert "L3" in here("route", "第2件退掉其他保留").out


def test_evaluation_compares_with_the_labels(tmp_path: Path) -> None:
    """A line back for each line, and a report; a bad line makes it exit 3."""
    rows = [
        {"id": "a", "text": "多久发货", "complexity": "simple", "risk": "low"},
        {"id": "b", "text": "转人工", "asks_human": "yes", "tier": "human"},
    ]
    file = tmp_path / "labelled.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    fine = here("eval", file, "--json")
    assert fine.code == 0, fine.err
    out = [json.loads(line) for line in fine.out.splitlines()]
    assert [line.get("id") for line in out[:2]] == ["a", "b"]
    assert out[0]["given"]["complexity"] == "simple"
    assert out[-1]["report"]["n"] == 2
    file.write_text(file.read_text() + "\n{}\n")
    assert here("eval", file, "--json").code == 3
    file.write_text("")
    empty = here("eval", file)
    assert "no row" in refused(empty, empty.code)


def test_the_doctor_finds_this_machine_well(tmp_path: Path) -> None:
    """Each check with its state; a port that is taken is a warning with a fix."""
    ran = run("doctor", "--json", "--data-dir", tmp_path / "d", cwd=tmp_path)
    assert ran.code == 0, ran
    findings = {one["check"]: one for one in ran.tree()}
    assert {"configuration", "python", "port", "disk", "store", "router"} <= set(
        findings
    )
    assert findings["store"]["state"] == "ok"
    assert findings["shop demo"]["state"] in ("ok", "warning")
    assert not [one for one in findings.values() if one["state"] == "error"]


def test_the_doctor_names_what_is_broken(tmp_path: Path) -> None:
    """A pack that is no pack: exit 1, with the file in the finding."""
    (tmp_path / "pack.yaml").write_text("pack: [\n")
    config = tmp_path / "own.toml"
    config.write_text(f'[[shops]]\nid = "a"\npacks = ["{tmp_path}/pack.yaml"]\n')
    words: list[str | Path] = [
        "doctor",
        "--json",
        "--config",
        config,
        "--data-dir",
        tmp_path / "d",
    ]
    ran = here(*words)
    assert ran.code == 1
    broken = [one for one in ran.tree() if one["state"] == "error"]
    assert [one["check"] for one in broken] == ["shop a"]
    assert "pack.yaml" in broken[0]["detail"]


BROKEN = {
    "unknown key": ('[server]\nprot = 1\n[[shops]]\nid = "a"\n', ":2:", "port"),
    "wrong type": ('[[shops]]\nid = "a"\n\n[server]\nport = "x"\n', ":5:", "int"),
    "not TOML": ("[server\n", ":1:", "TOML"),
    "no shop": ("", ":1:", "[[shops]]"),
    "a shop twice": ('[[shops]]\nid="a"\n[[shops]]\nid="a"\n', ":4:", "twice"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "doctor",
        "route 在吗",
        "replay /dev/null --limit 1",
        "config show",
        "eval /dev/null",
        "operator add lin --password xxxxxxxxxxxx",
    ],
)
def test_a_broken_file_is_named_with_line_and_fix(
    tmp_path: Path, name: str, command: str
) -> None:
    """Every command that reads it says the same words."""
    text, line, words = BROKEN[name]
    config = tmp_path / "own.toml"
    config.write_text(text)
    if command.startswith("replay"):
        talks = tmp_path / "talks.jsonl"
        talks.write_text('{"text": "hi"}')
        command = f"replay {talks}"
    with pytest.raises(ConfigError) as told:
        cli.main([*command.split(), "--config", str(config)], standalone_mode=False)
    assert f"{config}{line}" in str(told.value)
    assert words in str(told.value)


def test_a_refusal_ends_a_process_with_two_and_no_trace(tmp_path: Path) -> None:
    """What the commands above raise is one line on standard error."""
    config = tmp_path / "own.toml"
    config.write_text(BROKEN["unknown key"][0])
    told = refused(run("serve", "--config", config, cwd=tmp_path))
    assert told.startswith(f"tidegate: {config}:2: unknown key")
    assert len(told.splitlines()) == 1


def test_a_variable_is_blamed_by_name() -> None:
    """Not the file, which is fine."""
    told = refused(here("route", "在吗", TIDEGATE_SERVER__PORT="x"))
    assert "TIDEGATE_SERVER__PORT" in told
    told = refused(here("route", "在吗", TIDEGATE_SERVER__PROT="1"))
    assert "did you mean 'port'" in told


def test_the_key_of_a_client_is_no_setting() -> None:
    """``tidegate chat`` reads it; other commands let it be."""
    assert here("route", "在吗", TIDEGATE_KEY="x").code == 0


def test_the_configuration_is_shown_without_its_keys(tmp_path: Path) -> None:
    """Redacted unless asked; a password in an address too."""
    config = tmp_path / "own.toml"
    config.write_text(
        '[store]\nurl = "rediss://user:hush@store.example:6379"\n'
        '[[shops]]\nid = "a"\nbusiness_key = "hush-hush"\n'
        '[[shops.channels]]\nname = "web"\nkey = "hush-key-of-web-channel"\n'
    )
    shown = here("config", "show", "--redacted", "--config", config)
    assert shown.code == 0
    assert "hush" not in shown.out
    tree = shown.tree()
    assert tree["shops"][0]["channels"][0]["key"] == "(set)"
    assert tree["store"]["url"] == "rediss://user:***@store.example:6379"
    open_ = here("config", "show", "--with-secrets", "--config", config)
    assert "hush-key-of-web-channel" in open_.out


def test_a_file_can_be_checked_alone(tmp_path: Path) -> None:
    """Fine, or file and line; a file it names must be there."""
    good = tmp_path / "good.toml"
    good.write_text('[[shops]]\nid = "a"\n')
    assert here("config", "check", good).code == 0
    bad = tmp_path / "bad.toml"
    bad.write_text('[[shops]]\nid = "a"\npolicy = "policies/none.yaml"\n')
    told = refused(here("config", "check", bad))
    assert "policies/none.yaml" in told
    assert "none.toml" in refused(here("config", "check", "none.toml"))


def test_a_damaged_file_of_keys_is_named(tmp_path: Path) -> None:
    """With what to do, and without its content."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "secrets.json").write_text('{"visitor_secret": "hush')
    told = refused(run("serve", "--data-dir", data, "--port", "0", cwd=tmp_path))
    assert "secrets.json" in told
    assert "hush" not in told


@pytest.mark.parametrize("words", [["fly"], ["serve", "--port", "x"], ["demo", "-x"]])
def test_a_wrong_call_ends_with_two(words: list[str]) -> None:
    """And says how it is called."""
    assert "Usage" in refused(here(*words))


def test_help_is_there_for_every_command() -> None:
    """One line each, from the top."""
    told = here("--help")
    assert told.code == 0
    for name in (
        "demo",
        "serve",
        "route",
        "eval",
        "train",
        "replay",
        "doctor",
        "config",
    ):
        assert name in told.out
