"""
``tidegate operator``: accounts of the people at the desk.

Works beside a running gateway: it talks to the same store.
"""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli import options
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.handoff.accounts import Accounts, Operator, OperatorRole
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.operators import OperatorStore


@click.group()
def operator() -> None:
    """Accounts of the people at the desk."""


@operator.command()
@click.argument("name")
@options.config_file
@options.data_dir
@click.option("--shop", help="Shop of the operator; the only one if left out.")
@click.option("--display", help="Name that customers see; NAME if left out.")
@click.option(
    "--role",
    type=click.Choice(["operator", "supervisor", "admin"]),
    default="operator",
    show_default=True,
)
@click.option("--capacity", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--skills", default="", help="Apart by commas, as in zh,orders.")
@click.option("--replace", is_flag=True, help="Overwrite an account of this name.")
@click.password_option(help="Asked for if left out.")
def add(
    name: str,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    display: str | None,
    role: OperatorRole,
    capacity: int,
    skills: str,
    replace: bool,
    password: str,
) -> None:
    """Make an account for the desk."""
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    who = Operator(
        shop=shop_of(config, shop),
        name=name,
        display=display or name,
        role=role,
        capacity=capacity,
        skills=tuple(filter(None, (one.strip() for one in skills.split(",")))),
    )
    add_beside(config, who, password, replace=replace)
    click.echo(f"operator {name} of shop {who.shop} can sign in at /desk")


def shop_of(config: Config, named: str | None) -> str:
    """
    The shop a command means.

    Raises:
        ConfigError: If it is not there, or not clear.
    """
    known = [shop.id for shop in config.shops]
    if named is None and len(known) == 1:
        return known[0]
    if named in known:
        return named
    raise ConfigError(f"--shop must be one of {', '.join(known)}")


def add_beside(config: Config, who: Operator, password: str, *, replace: bool) -> None:
    """Add through the running store, or start the embedded one for it."""
    run_beside(
        config.store.url,
        Path(config.data_dir),
        lambda scripts: _add(scripts, who, password, replace=replace),
    )


async def _add(
    scripts: Scripts, who: Operator, password: str, *, replace: bool
) -> None:
    accounts = Accounts(OperatorStore(scripts))
    await accounts.add_operator(who, password, replace=replace)


async def put(url: str, who: Operator, password: str, *, replace: bool) -> None:
    """
    Write one account into the store at *url*.

    Raises:
        BadOperator: If name or password won't do, or the name is taken.
    """
    scripts = await Scripts.connect(url)
    try:
        await _add(scripts, who, password, replace=replace)
    finally:
        await scripts.close()
