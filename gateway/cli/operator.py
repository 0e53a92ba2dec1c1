"""
``tidegate operator``: accounts of the people at the desk.

Works beside a running gateway: it talks to the same store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.cli.acting import by_command
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.handoff.accounts import Accounts, Operator, OperatorRole
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.operators import OperatorStore


Done = TypeVar("Done")


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
@click.option("--sign-on", is_flag=True, help="No password: single sign-on only.")
@click.option("--replace", is_flag=True, help="Overwrite an account of this name.")
@click.option("--password", help="Asked for if left out.")
def add(
    name: str,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    display: str | None,
    role: OperatorRole,
    capacity: int,
    skills: str,
    sign_on: bool,
    replace: bool,
    password: str | None,
) -> None:
    """Make an account for the desk."""
    if password is None and not sign_on:
        password = _ask_password()
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


@operator.command("list")
@options.as_json
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose; the only shop if left out.")
def list_(
    as_json: bool, config_file: Path | None, data_dir: Path | None, shop: str | None
) -> None:
    """Show the accounts of a shop."""
    config = _config(config_file, data_dir)
    name = shop_of(config, shop)
    found: list[Operator] = _beside(config, lambda accounts: accounts.operators(name))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    table = Table("name", "customers see", "role", "talks at once", "skills")
    for who in found:
        skills = ", ".join(who.skills) or "everything"
        table.add_row(who.name, who.display, who.role, str(who.capacity), skills)
    Console().print(table)


@operator.command()
@click.argument("name")
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose; the only shop if left out.")
def remove(
    name: str, config_file: Path | None, data_dir: Path | None, shop: str | None
) -> None:
    """Remove an account; whoever is signed in with it is out at once."""
    config = _config(config_file, data_dir)
    where = shop_of(config, shop)

    async def deed(scripts: Scripts) -> bool:
        about = {"name": name, "what": "removed"}
        async with by_command(scripts, where, "account", about):
            return await Accounts(OperatorStore(scripts)).remove_operator(where, name)

    if not run_beside(config.store.url, Path(config.data_dir), deed):
        raise ConfigError(f"shop {where} has no operator {name!r}")
    click.echo(f"operator {name} of shop {where} is removed")


@operator.command()
@click.argument("name")
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose; the only shop if left out.")
@click.option("--password", help="Asked for if left out.")
def passwd(
    name: str,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    password: str | None,
) -> None:
    """Set another password; all sessions of the account are over."""
    config = _config(config_file, data_dir)
    where = shop_of(config, shop)
    given = password if password is not None else _ask_password()

    async def deed(scripts: Scripts) -> bool:
        accounts = Accounts(OperatorStore(scripts))
        about = {"name": name, "what": "password"}
        async with by_command(scripts, where, "account", about):
            return await accounts.set_password(where, name, given)

    if not run_beside(config.store.url, Path(config.data_dir), deed):
        raise ConfigError(f"shop {where} has no operator {name!r}")
    click.echo(f"operator {name} of shop {where} has another password")


def _ask_password() -> str:
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _config(config_file: Path | None, data_dir: Path | None) -> Config:
    return options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )


def _beside(config: Config, deed: Callable[[Accounts], Awaitable[Done]]) -> Done:
    """Do something to the accounts, beside a running gateway or without one."""

    async def within(scripts: Scripts) -> Done:
        return await deed(Accounts(OperatorStore(scripts)))

    return run_beside(config.store.url, Path(config.data_dir), within)


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


def add_beside(
    config: Config, who: Operator, password: str | None, *, replace: bool
) -> None:
    """Add through the running store, or start the embedded one for it."""
    run_beside(
        config.store.url,
        Path(config.data_dir),
        lambda scripts: _add(scripts, who, password, replace=replace),
    )


async def _add(
    scripts: Scripts, who: Operator, password: str | None, *, replace: bool
) -> None:
    accounts = Accounts(OperatorStore(scripts))
    about = {
        "name": who.name,
        "role": who.role,
        "what": "replaced" if replace else "added",
    }
    async with by_command(scripts, who.shop, "account", about):
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
