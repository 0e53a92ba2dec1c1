"""What CI says of an audit: a finding stops it, silence of the service does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


SCRIPT = Path(__file__).parents[2] / ".ci" / "read_audit.py"
WEAK = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "CVE-1-1", "fix_versions": ["1.1"]}],
}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([{"name": "fine", "version": "1.0", "vulns": []}], 0, "1 of 1 looked up, 0 f"),
        ([WEAK], 1, "old 1.0: CVE-1-1, mended in 1.1"),
        ([{"name": "far", "skip_reason": "no service"}], 0, "NOT AUDITED"),
        (None, 0, "NOT AUDITED, no route to host"),
    ],
)
def test_a_finding_fails_and_what_was_not_looked_up_is_said(
    tmp_path: Path, packages: list[object] | None, code: int, said: str
) -> None:
    """Without a report the reason is told, and nothing is called clean."""
    report, why = tmp_path / "report.json", tmp_path / "why"
    report.write_text(
        "" if packages is None else json.dumps({"dependencies": packages})
    )
    why.write_text("warning\nno route to host\n")
    done = subprocess.run(
        [sys.executable, SCRIPT, "requirements.lock", report, why],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout
