"""
``tidegate plan``, ``sale`` and ``loadtest tide`` as a person calls them.
"""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from gateway.cli.main import cli


def call(*words: str) -> str:
    """What a command prints; it must end well."""
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_plan_prints_a_roster_and_writes_a_page(tmp_path: Path) -> None:
    """JSON for machines, a page with plots for people, nothing from another host."""
    page = tmp_path / "plan.html"
    words = ("--handoffs", "300", "--seeds", "1", "--html", str(page))
    found = json.loads(call("plan", *words, "--json"))
    assert len(found["halves"]) == 48
    assert found["hours"] > 0
    assert found["doubled"] == found["disorder"] == 0
    html = page.read_text(encoding="utf-8")
    assert "<svg" in html
    assert "https://" not in html
    assert "operator hours" in call("plan", *words)


def test_a_sale_is_started_seen_and_ended(tmp_path: Path) -> None:
    """Orders outlive the command; an end takes the held rung with it."""
    where = ("--data-dir", str(tmp_path))
    call("sale", "start", "--minutes", "30", "--rung", "2", *where)
    told = call("sale", "status", *where)
    assert "sale from" in told
    assert "rung 2 (tasks_for_few) is held" in told
    orders = json.loads(call("sale", "status", "--json", *where))
    assert orders["pin"] == 2
    assert orders["sale_until_ms"] - orders["sale_from_ms"] == 30 * 60_000
    call("sale", "end", *where)
    assert "no sale" in call("sale", "status", *where)


def test_the_table_of_the_tide() -> None:
    """Every policy has its row, and our goals hold for it."""
    found = json.loads(
        call("loadtest", "tide", "--seeds", "1", "--load", "2x", "--json")
    )
    assert [row["policy"] for row in found["rows"]][-1] == "Tidegate"
    assert len(found["rows"]) == 6
    assert found["misses"] == []
