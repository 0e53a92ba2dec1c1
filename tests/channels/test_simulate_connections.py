"""
``tidegate simulate`` as the server that a gateway's connection comes to.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import cli
from gateway.config_file import load
from gateway.stack import running


SHOP = """
[server]
port = 0

[router]
arithmetic = "plain"

[[shops]]
id = "demo"
facts = "knowledge/demo/facts.yaml"
knowledge = "knowledge/demo"
[[shops.channels]]
name = "app"

[[shops.channels]]
name = "im"
[shops.channels.platform]
"""

BOT = """
kind = "wecom_bot_socket"
bot_id = "aib-1"
secret = "{secret}"
url = "ws://127.0.0.1:{port}"
"""

STREAM = """
kind = "dingtalk_stream"
app_key = "ding1"
app_secret = "{secret}"
robot_code = "robot1"
api_url = "http://127.0.0.1:{port}"
"""


@pytest.mark.parametrize("connects", [BOT, STREAM], ids=["bot", "stream"])
def test_simulate_is_the_server_that_a_bot_connects_to(
    connects: str, tmp_path: Path
) -> None:
    """
    The gateway comes by itself; each message answered once, strange ones never.

    The gateway is a fresh one, as one that found no platform for a minute asks
    seldom by now, and we would wait for it.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = tmp_path / "tidegate.toml"
    file.write_text(SHOP + connects.format(secret="s" * 32, port=port), "utf-8")
    flags = {"data_dir": str(tmp_path), "log.path": str(tmp_path / "log")}
    command = ["simulate", "im", "--config", str(file), "--json"]
    with running(load(file, {}, flags), print):
        result = CliRunner().invoke(cli, [*command, "--data-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    steps = {step["step"]: step["status"] for step in json.loads(result.output)}
    assert (steps["valid"], steps["duplicate"], steps["connection cut"]) == (1, 0, 1)
