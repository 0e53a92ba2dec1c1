"""
``tidegate simulate`` and ``doctor`` on channels, against a gateway on a real port.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.channels import accounts
from gateway.channels.registry import TABLE
from gateway.cli.doctor import examine_channels
from gateway.cli.main import cli
from gateway.config import Config
from gateway.config_file import load
from gateway.errors import ConfigError
from gateway.stack import Stack, running
from loadtest.platform_process import PlatformControl


CONFIG = """
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
kind = "slack"
signing_secret = "{secret}"
bot_token = "xoxb-1"
api_url = "{url}"

[[shops.channels]]
name = "bot"
[shops.channels.platform]
kind = "wecom_bot_socket"
bot_id = "aib-1"
secret = "{secret}"
url = "ws://127.0.0.1:{port}"

[[shops.channels]]
name = "stream"
[shops.channels.platform]
kind = "dingtalk_stream"
app_key = "ding1"
app_secret = "{secret}"
robot_code = "robot1"
api_url = "http://127.0.0.1:{other}"
"""


@pytest.fixture(scope="module")
def file(platform: PlatformControl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config file with one platform."""
    path = tmp_path_factory.mktemp("simulate") / "tidegate.toml"
    with (
        socket.create_server(("127.0.0.1", 0)) as free,
        socket.create_server(("127.0.0.1", 0)) as too,
    ):
        port, other = free.getsockname()[1], too.getsockname()[1]
    text = CONFIG.format(secret="s" * 32, url=platform.url, port=port, other=other)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stack(file: Path) -> Iterator[Stack]:
    """The gateway of that file."""
    flags = {"data_dir": str(file.parent), "log.path": str(file.parent / "log")}
    with running(load(file, {}, flags), print) as started:
        yield started


def test_simulate_plays_the_platform(
    file: Path, stack: Stack, platform: PlatformControl
) -> None:
    """Valid ones taken, copies once, forged and late ones refused; exit 0."""
    command = ["simulate", "im", "--config", str(file), "--url", stack.url, "--json"]
    result = CliRunner().invoke(cli, [*command, "--data-dir", str(file.parent)])
    assert result.exit_code == 0, result.output
    steps = json.loads(result.output)
    assert {step["status"] for step in steps} == {200, 401}
    assert len(steps) > 50
    assert len(platform.until(3)) == 3


def test_simulate_says_where_a_bot_must_connect_to(file: Path) -> None:
    """The real platform is not played."""
    text = file.read_text(encoding="utf-8").replace("ws://127.0.0.1", "wss://real")
    real = file.with_name("real.toml")
    real.write_text(text, encoding="utf-8")
    command = ["simulate", "bot", "--config", str(real)]
    result = CliRunner().invoke(cli, [*command, "--data-dir", str(file.parent)])
    assert isinstance(result.exception, ConfigError)
    assert "platform.url" in str(result.exception)


def test_simulate_says_which_channels_have_a_platform(file: Path) -> None:
    """A channel without one is named, with those that have one."""
    command = ["simulate", "app", "--config", str(file)]
    result = CliRunner().invoke(cli, [*command, "--data-dir", str(file.parent)])
    assert isinstance(result.exception, ConfigError)
    assert "demo/im" in str(result.exception)


def finding(config: Config) -> tuple[str, str]:
    """State and fix of the channel's check."""
    found = list(examine_channels(config))
    names = ("im", "bot", "stream")
    assert [one.check for one in found] == [f"channel demo/{name}" for name in names]
    # What is an error for one is one for all; a connection needs no public address.
    for connects in found[1:]:
        assert connects.state == ("error" if found[0].state == "error" else "ok")
    return found[0].state, f"{found[0].detail} {found[0].fix}"


def test_doctor_looks_at_channels(file: Path) -> None:
    """Missing secrets and repeats that outlive our memory are errors, with the fix."""
    text = file.read_text(encoding="utf-8")
    path = file.with_name("other.toml")
    path.write_text(text.replace("s" * 32, ""), encoding="utf-8")
    flags = {"data_dir": str(file.parent / "doctor")}
    state, words = finding(load(path, {}, flags))
    assert state == "error"
    assert "signing_secret" in words
    path.write_text(text.replace("xoxb-", "xoxp-"), encoding="utf-8")
    state, words = finding(load(path, {}, flags))
    assert (state, "bot_token" in words) == ("warning", True)
    short = {**flags, "store.dedup_days": 0.001}
    state, words = finding(load(file, {}, short))
    assert (state, "store.dedup_days" in words) == ("error", True)
    state, words = finding(load(file, {}, flags))
    assert (state, "server.public_url" in words) == ("warning", True)


def test_what_should_look_some_way_is_a_setting_that_exists() -> None:
    """A renamed setting would be looked at no more."""
    kinds = {
        str(settings.__struct_config__.tag): settings.__struct_fields__
        for settings in TABLE
    }
    assert [
        (kind, name) for kind, name in accounts.SHAPES if name not in kinds[kind]
    ] == []
