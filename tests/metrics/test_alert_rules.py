"""
Recording and alert rules: valid, about metrics that exist, each tried both ways.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gateway.config import shipped
from gateway.telemetry import Telemetry


FOLDER = shipped("prometheus")
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "rules.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDS = [rule for rule in RULES if "record" in rule]


def promtool(*args: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """The checker of Prometheus: in CI it must be there."""
    program = shutil.which("promtool")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("no promtool: install the package prometheus")
    if program is None:
        pytest.skip("no promtool on this machine: install the package prometheus")
    return subprocess.run(
        [program, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_rules_pass_every_lint() -> None:
    """Syntax, duplicates, and whatever else promtool knows."""
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_case_holds() -> None:
    """Alerts fire when they should, with their texts, and stay silent when not."""
    tried = promtool("test", "rules", "rules.test.yaml")
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_every_alert_has_a_case_of_each_kind() -> None:
    """One that expects the alert, and one that expects none."""
    tests = yaml.safe_load((FOLDER / "rules.test.yaml").read_text("utf-8"))["tests"]
    seen = {
        (case["alertname"], bool(case["exp_alerts"]))
        for test in tests
        for case in test["alert_rule_test"]
    }
    wanted = {(rule["alert"], fires) for rule in ALERTS for fires in (True, False)}
    assert seen == wanted


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_the_cases_notice_a_broken_alert(rule: dict[str, Any], tmp_path: Path) -> None:
    """An alert that never fires, or always, fails its cases."""
    for expr in (f"({rule['expr']}) < -1", "vector(1)"):
        tree = yaml.safe_load((FOLDER / "rules.yaml").read_text("utf-8"))
        for group in tree["groups"]:
            for one in group["rules"]:
                if one.get("alert") == rule["alert"]:
                    one["expr"] = expr
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        shutil.copy(FOLDER / "rules.test.yaml", tmp_path)
        assert promtool("test", "rules", "rules.test.yaml", folder=tmp_path).returncode


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_severity_and_a_runbook(rule: dict[str, Any]) -> None:
    """The link leads to a heading that is there."""
    assert rule["labels"]["severity"] in {"page", "ticket"}
    path, anchor = rule["annotations"]["runbook_url"].split("#")
    text = (FOLDER / Path(path).name).read_text("utf-8")
    headings = {
        line[3:].lower() for line in text.splitlines() if line.startswith("## ")
    }
    assert anchor == rule["alert"].lower()
    assert anchor in headings


def test_the_runbook_speaks_of_no_alert_that_is_gone() -> None:
    """Headings are alerts, all of them."""
    text = (FOLDER / "runbook.md").read_text("utf-8")
    headings = {line[3:] for line in text.splitlines() if line.startswith("## ")}
    assert headings == {rule["alert"] for rule in ALERTS}


def test_rules_use_metrics_that_exist() -> None:
    """Of the gateway, of Prometheus itself, or recorded here."""
    telemetry = Telemetry(log_path=os.devnull)
    try:
        text = telemetry.expose().decode()
    finally:
        telemetry.lines._sink.close()
    names = {family.name for family in text_string_to_metric_families(text)}
    recorded = {rule["record"] for rule in RECORDS}
    for rule in RULES:
        promql_parser.parse(rule["expr"])
        without = rule["expr"]
        for record in recorded:
            without = without.replace(record, "")
        used = re.findall(r"\btidegate_\w+", without)
        assert {re.sub(r"_(total|bucket|count|sum)$", "", one) for one in used} <= names


def test_records_are_named_by_level_metric_and_operation() -> None:
    """As the practice of Prometheus has it."""
    for rule in RECORDS:
        assert re.fullmatch(r"[a-z_]+:tidegate_[a-z_]+:[a-z0-9_]+", rule["record"])
