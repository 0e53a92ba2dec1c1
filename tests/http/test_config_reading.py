"""
Settings, keys and scripts from files: any text gives a value or a plain refusal.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engines.yamlfile import BadFile
from gateway.cli.demo import load_day
from gateway.config import Config, shipped
from gateway.config_file import load
from gateway.config_lines import line_of
from gateway.errors import ConfigError
from gateway.secrets import FILE_NAME, fill


MANY = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SHIPPED = shipped("tidegate.toml").read_text(encoding="utf-8")
NAMES = [
    field.name
    for section in msgspec.structs.fields(Config)
    for field in (
        section,
        *(
            msgspec.structs.fields(section.type)
            if isinstance(section.type, type)
            and issubclass(section.type, msgspec.Struct)
            else ()
        ),
    )
]
VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "0",
        "1e400",
        "nan",
        "inf",
        '""',
        '"x"',
        "true",
        "[]",
        "{}",
        "[{}]",
        "9223372036854775808",
        "1979-05-27",
        '["a"]',
        "{a=1}",
        '"\\u0000"',
        "[[1]]",
    ]
)


def write(folder: Path, text: str | bytes) -> Path:
    """A config file with that content."""
    path = folder / "own.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path) -> Config | None:
    """The configuration, or None after a refusal that names the file and a line."""
    try:
        return load(path, {})
    except ConfigError as exc:
        told = str(exc)
    named = re.match(re.escape(str(path)) + r":(\d+): \S", told)
    assert named, f"no file and line: {told}"
    assert 1 <= int(named[1]) <= path.read_bytes().count(b"\n") + 1
    return None


@MANY
@given(text=st.binary(max_size=200) | st.text(max_size=200))
@example(text=b"\xff")
@example(text=b"\xef\xbb\xbf[[shops]]\nid='a'\n")
@example(text="a = " + "[" * 5000)
@example(text="a." * 3000 + "b = 1")
@example(text="[a]\n[a]\n")
def test_any_text_is_a_configuration_or_refused(
    tmp_path: Path, text: str | bytes
) -> None:
    """No other exception, whatever stands in the file."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    read(write(tmp_path, text))


@MANY
@given(
    name=st.sampled_from(NAMES) | st.text(alphabet="abcxyz_-", min_size=1, max_size=9),
    table=st.sampled_from(["", "[server]", "[store]", "[limits]", "[[shops]]"])
    | st.sampled_from(["[[shops.channels]]", "[people]", "[shops]", "[log]", "[x.y]"]),
    value=VALUES,
    at_end=st.booleans(),
)
def test_any_key_with_any_value_is_taken_or_refused(
    tmp_path: Path, name: str, table: str, value: str, at_end: bool
) -> None:
    """A key put into the shipped file; what is taken can be used."""
    line = f"{table}\n{name} = {value}\n"
    path = write(tmp_path, SHIPPED + line if at_end else line + SHIPPED)
    config = read(path)
    if config is not None:
        assert 0 <= config.server.port <= 65_535
        assert config.server.workers >= 1
        assert 0 < config.limits.rate_per_s < float("inf")
        assert config.shops


@MANY
@given(data=st.data())
def test_a_wrong_key_is_refused_at_its_own_line(
    tmp_path: Path, data: st.DataObject
) -> None:
    """Also where the same name is right in another table."""
    lines = SHIPPED.splitlines()
    at = data.draw(st.integers(0, len(lines)))
    name = data.draw(st.sampled_from(["prot", "portt", "host_", "wrong", "zz"]))
    lines.insert(at, f"{name} = 1")
    text = "\n".join(lines) + "\n"
    with pytest.raises(ConfigError) as told:
        load(write(tmp_path, text), {})
    assert f"own.toml:{at + 1}: unknown key '{name}'" in str(told.value)


@MANY
@given(
    name=st.text(alphabet="ABCDEHLMNOPRSTUVW_", max_size=24)
    | st.sampled_from([f"SERVER__{n.upper()}" for n in NAMES])
    | st.sampled_from([n.upper() for n in NAMES]),
    value=st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
    ),
)
@example(name="SERVER", value="{}")
@example(name="SHOPS__0__ID", value="a")
@example(name="SHOPS", value="[]")
@example(name="__", value="")
@example(name="", value="")
def test_any_variable_is_taken_or_blamed_by_name(name: str, value: str) -> None:
    """The file is fine, so the complaint is about the variable."""
    variable = f"TIDEGATE_{name}"
    try:
        load(None, {variable: value, "PATH": "/bin"})
    except ConfigError as exc:
        assert f"environment variable {variable}: " in str(exc)  # noqa: PT017


@pytest.mark.parametrize(
    ("variable", "value", "path", "wanted"),
    [
        ("TIDEGATE_SERVER__PORT", "9000", "server.port", 9000),
        ("TIDEGATE_DEMO", "true", "demo", True),
        ("TIDEGATE_LIMITS__RATE_PER_S", "2.5", "limits.rate_per_s", 2.5),
        ("TIDEGATE_STORE__URL", "redis://x", "store.url", "redis://x"),
        ("TIDEGATE_DATA_DIR", "/tmp/x y", "data_dir", "/tmp/x y"),
    ],
)
def test_a_variable_overrides_the_file_and_a_flag_overrides_both(
    tmp_path: Path, variable: str, value: str, path: str, wanted: Any
) -> None:
    """Defaults < file < environment < flags."""

    def at(config: Config) -> Any:
        found: Any = config
        for part in path.split("."):
            found = getattr(found, part)
        return found

    assert at(load(None, {})) != wanted
    assert at(load(None, {variable: value})) == wanted
    other = {"server.port": 7, "demo": False, "data_dir": "z"}.get(path)
    if other is not None:
        assert at(load(None, {variable: value}, {path: other})) == other
    path_given = write(tmp_path, '[server]\nport = 81\n[[shops]]\nid = "a"\n')
    assert load(path_given, {}).server.port == 81


@given(
    parts=st.lists(st.sampled_from(["[a]", "[[b]]", "[[b.c]]", "k = 1"]), max_size=9)
)
def test_every_key_of_a_file_is_found_at_its_line(parts: list[str]) -> None:
    """Checked against the real parser: the value is the line's number."""
    lines = [
        f"k{number} = {number}" if part == "k = 1" else part
        for number, part in enumerate(parts, 1)
    ]
    text = "\n".join(lines)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return

    def walk(node: Any, place: tuple[str | int, ...]) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(value, (*place, key))
        elif isinstance(node, list):
            for position, item in enumerate(node):
                walk(item, (*place, position))
        else:
            assert line_of(text, place) == node

    walk(tree, ())


def test_replicas_of_the_embedded_store_are_refused(tmp_path: Path) -> None:
    """Nothing would confirm a write: the line is named, and both ways out."""
    file = tmp_path / "t.toml"
    text = SHIPPED.replace("[store]", "[store]\nreplicas = 1", 1)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"t\.toml:\d+: the embedded store has no"):
        load(file, {})
    load(file, {"TIDEGATE_STORE__URL": "redis://127.0.0.1:1"})


def test_two_channels_with_one_key_are_refused(tmp_path: Path) -> None:
    """The key alone says who calls: shops would meet."""
    channel = '[[shops.channels]]\nname = "app"\nkey = "the-very-same-key-for-both"\n'
    text = f'[[shops]]\nid = "a"\n{channel}[[shops]]\nid = "b"\n{channel}'
    config = load(write(tmp_path, text), {})
    with pytest.raises(ConfigError, match="a/app and b/app have the same key"):
        fill(config, tmp_path / "data")


def test_keys_are_made_once_and_only_for_us(tmp_path: Path) -> None:
    """The second start finds the first one's keys; nobody else can read them."""
    config = load(None, {})
    first, kept = fill(config, tmp_path)
    again, same = fill(config, tmp_path)
    assert first == again
    assert kept == same
    keys = [channel.key for shop in first.shops for channel in shop.channels]
    assert len(set(keys)) == len(keys)
    assert all(len(key) > 30 for key in keys)
    mode = stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode)
    assert mode == 0o600


def test_a_key_file_wins_and_must_hold_a_key(tmp_path: Path) -> None:
    """Blanks around it do not count; an empty or missing one is named."""
    key = tmp_path / "key"
    text = f'[[shops]]\nid="a"\n[[shops.channels]]\nname="web"\nkey_file="{key}"\n'
    config = load(write(tmp_path, text), {})
    with pytest.raises(ConfigError, match="cannot read the key file"):
        fill(config, tmp_path / "data")
    key.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot read the key file"):
        fill(config, tmp_path / "data")
    key.write_text(" \n")
    with pytest.raises(ConfigError, match="empty"):
        fill(config, tmp_path / "data")
    key.write_text("secret-of-the-web-channel\n")
    filled, _ = fill(config, tmp_path / "data")
    assert filled.shops[0].channels[0].key == "secret-of-the-web-channel"


def test_gateways_can_share_what_signs_visitors_tokens(tmp_path: Path) -> None:
    """From a file, with each start; a short one is refused, the folder keeps its own."""
    path = tmp_path / "visitor"
    config = load(
        write(tmp_path, f'[server]\nvisitor_secret_file="{path}"\n[[shops]]\nid="a"\n'),
        {},
    )
    path.write_text("short\n")
    with pytest.raises(ConfigError, match="at least 32 characters"):
        fill(config, tmp_path / "a")
    path.write_text("s" * 40 + "\n")
    for folder in ("a", "b"):
        _, kept = fill(config, tmp_path / folder)
        assert kept.visitor_secret == "s" * 40
        assert "s" * 40 not in (tmp_path / folder / FILE_NAME).read_text()


GOOD = {"visitor_secret": "v" * 40, "business_key": "b" * 24, "channel_keys": {}}


@MANY
@given(
    content=st.binary(max_size=100)
    | st.recursive(
        st.none() | st.text(max_size=40) | st.integers(),
        lambda inner: (
            st.dictionaries(
                st.sampled_from([*GOOD, "other"]) | st.text(max_size=5),
                inner,
                max_size=4,
            )
            | st.lists(inner, max_size=3)
        ),
        max_leaves=6,
    ).map(lambda tree: json.dumps(tree).encode())
)
@example(content=json.dumps({**GOOD, "visitor_secret": ""}).encode())
@example(content=json.dumps({**GOOD, "channel_keys": {"demo/web": ""}}).encode())
@example(content=b"[" * 100_000)
def test_any_kept_file_is_used_or_named(tmp_path: Path, content: bytes) -> None:
    """A damaged file is not replaced: clients still have its keys."""
    file = tmp_path / FILE_NAME
    file.write_bytes(content)
    try:
        _, kept = fill(load(None, {}), tmp_path)
    except ConfigError as exc:
        assert str(file) in str(exc)  # noqa: PT017
        assert file.read_bytes() == content
    else:
        assert len(kept.visitor_secret) >= 16
        assert all(len(key) >= 16 for key in kept.channel_keys.values())


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file where the folder should be, or a folder where the file should be."""
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match="--data-dir"):
        fill(load(None, {}), tmp_path / "data")
    (tmp_path / "other" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(ConfigError, match=FILE_NAME):
        fill(load(None, {}), tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == [FILE_NAME]


@MANY
@given(
    text=st.binary(max_size=120)
    | st.lists(
        st.dictionaries(
            st.sampled_from(["id", "user", "turns", "more"]),
            st.none() | st.text(max_size=9) | st.lists(st.text(max_size=5), max_size=3),
        ),
        max_size=3,
    ).map(lambda tree: json.dumps(tree).encode())
)
@example(text=b"- {id: a, user: b, turns: [x], turns: [y]}")
@example(text=b"&a [*a]")
@example(text=b"!!python/object/apply:os.system [ls]")
@example(text=b"[" * 3000)
def test_any_script_of_a_day_is_read_or_named(tmp_path: Path, text: bytes) -> None:
    """Nothing in it runs, nothing but a plain refusal comes out."""
    file = tmp_path / "day.yaml"
    file.write_bytes(text)
    try:
        day = load_day(file)
    except BadFile as exc:
        assert str(file) in str(exc)  # noqa: PT017
    else:
        assert all(scene.id and scene.user and scene.turns for scene in day)
