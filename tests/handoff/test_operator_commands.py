"""
``tidegate operator``: add, list, another password, remove; beside a store of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from gateway.cli.main import cli
from gateway.errors import ConfigError


PASSWORD = "a long enough one"


def call(folder: Path, *words: str, stdin: str = "") -> tuple[int, str]:
    """Exit code and output of one command."""
    words = ("operator", *words, "--data-dir", str(folder))
    result = CliRunner().invoke(cli, words, input=stdin)
    if isinstance(result.exception, ConfigError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_accounts_come_and_go(tmp_path: Path) -> None:
    """
    What was added is listed, without any hash; what is not there is named.
    """
    added = call(
        tmp_path, "add", "lin", "--password", PASSWORD, "--skills", "zh,orders"
    )
    assert added[0] == 0, added[1]
    assert call(tmp_path, "add", "wang", "--role", "supervisor", "--sign-on")[0] == 0
    code, out = call(tmp_path, "list", "--json")
    assert code == 0
    assert [(one["name"], one["role"]) for one in json.loads(out)] == [
        ("lin", "operator"),
        ("wang", "supervisor"),
    ]
    assert "argon2" not in out
    assert "zh, orders" in call(tmp_path, "list")[1]
    asked = call(tmp_path, "passwd", "lin", stdin=f"{PASSWORD}!\n{PASSWORD}!\n")
    assert asked[0] == 0, asked[1]
    assert call(tmp_path, "remove", "lin")[0] == 0
    for words in (("remove", "lin"), ("passwd", "lin", "--password", PASSWORD)):
        code, told = call(tmp_path, *words)
        assert code == 2
        assert "no operator 'lin'" in told
