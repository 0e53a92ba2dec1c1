"""
Options that several commands share, and how they become a configuration.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.config import Config
from gateway.config_file import load


F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for machines."
)
data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Where data is kept."
)
config_file = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file; the shipped demo shop's if left out.",
)


def read_config(config_file: Path | None, **flags: Any) -> Config:
    """
    The configuration of this call; flags are dotted keys with ``__`` for dots.

    Raises:
        ConfigError: Names file, line and fix.
    """
    dotted = {name.replace("__", "."): value for name, value in flags.items()}
    return load(config_file, os.environ, dotted)
