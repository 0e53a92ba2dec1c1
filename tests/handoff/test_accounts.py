"""
Accounts and sessions on a real store.
"""

from __future__ import annotations

import anyio
import argon2
import msgspec
import pytest
from people import SHOP, People, operator

from gateway.handoff.accounts import Accounts
from gateway.handoff.errors import (
    BadCredentials,
    BadOperator,
    TooManyTries,
    UnknownSession,
)
from gateway.store.operators import OperatorStore


pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def accounts(people: People) -> Accounts:
    """Accounts beside a shop with people."""
    return Accounts(OperatorStore(people.store._scripts), hasher=CHEAP)


async def test_password_is_kept_as_argon2id_only(
    people: People, accounts: Accounts
) -> None:
    """
    The store never holds a password or a session token in clear.
    """
    await accounts.add_operator(operator("lin"), PASSWORD)
    session = await accounts.sign_in(SHOP, "lin", PASSWORD, "10.0.0.1")
    scripts = people.store._scripts
    dumped = b""
    for key in await scripts.command("", "KEYS", "*"):
        name = key.decode()
        kind = (await scripts.command(name, "TYPE", name)).decode()
        read = {"hash": "HGETALL", "string": "GET"}[kind]
        dumped += key + str(await scripts.command(name, read, name)).encode()
    assert b"$argon2id$" in dumped
    assert PASSWORD.encode() not in dumped
    assert session.token.encode() not in dumped


async def test_session_ends_by_itself(people: People) -> None:
    """
    A session is forgotten after its life.
    """
    store = OperatorStore(people.store._scripts)
    accounts = Accounts(store, session_s=0.05, hasher=CHEAP)
    await accounts.add_operator(operator("lin"), PASSWORD)
    session = await accounts.sign_in(SHOP, "lin", PASSWORD, "10.0.0.1")
    assert (await accounts.session(session.token)).who.name == "lin"
    await anyio.sleep(0.1)
    with pytest.raises(UnknownSession):
        await accounts.session(session.token)


@pytest.mark.parametrize(
    ("facts", "password", "named"),
    [
        ({"name": ""}, PASSWORD, "name"),
        ({"name": "Lin"}, PASSWORD, "name"),
        ({"name": "lin\n"}, PASSWORD, "name"),
        ({"name": "l" * 33}, PASSWORD, "name"),
        ({}, "short", "password"),
        ({}, "x" * 257, "password"),
        ({"capacity": 0}, PASSWORD, "capacity"),
        ({"capacity": 21}, PASSWORD, "capacity"),
        ({"display": " "}, PASSWORD, "display"),
    ],
)
async def test_bad_account_is_refused_with_the_reason(
    accounts: Accounts, facts: dict[str, object], password: str, named: str
) -> None:
    """
    An account that could not sign in, or is too weak, is not made.
    """
    who = msgspec.structs.replace(operator("lin"), **facts)
    with pytest.raises(BadOperator, match=named):
        await accounts.add_operator(who, password)
    assert await accounts.operators(SHOP) == []


async def test_taken_name_is_replaced_only_on_demand(accounts: Accounts) -> None:
    """
    A second account of the same name is refused; replacing changes the password.
    """
    await accounts.add_operator(operator("lin"), PASSWORD)
    with pytest.raises(BadOperator, match="exists"):
        await accounts.add_operator(operator("lin"), "another password")
    await accounts.add_operator(operator("lin"), "another password", replace=True)
    with pytest.raises(BadCredentials):
        await accounts.sign_in(SHOP, "lin", PASSWORD, "10.0.0.1")
    await accounts.sign_in(SHOP, "lin", "another password", "10.0.0.1")


async def test_account_of_another_shop_is_unknown(accounts: Accounts) -> None:
    """
    Name and password of one shop open no desk of another.
    """
    await accounts.add_operator(operator("lin"), PASSWORD)
    with pytest.raises(BadCredentials):
        await accounts.sign_in("rival", "lin", PASSWORD, "10.0.0.1")


async def test_one_address_can_not_try_many_names(accounts: Accounts) -> None:
    """
    Trying one password on many names is stopped by the address.
    """
    for number in range(30):
        with pytest.raises(BadCredentials):
            await accounts.sign_in(SHOP, f"name{number}", PASSWORD, "10.0.0.9")
    with pytest.raises(TooManyTries):
        await accounts.sign_in(SHOP, "name99", PASSWORD, "10.0.0.9")
    with pytest.raises(BadCredentials):
        await accounts.sign_in(SHOP, "name99", PASSWORD, "10.0.0.10")


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "../../etc", "*" * 5000])
async def test_invented_token_is_no_session(accounts: Accounts, token: str) -> None:
    """
    A token nobody was given opens nothing, whatever is in it.
    """
    with pytest.raises(UnknownSession):
        await accounts.session(token)


async def test_another_password_ends_every_session(accounts: Accounts) -> None:
    """
    Whoever was signed in has to know the new one; the old one is worth nothing.
    """
    await accounts.add_operator(operator("lin"), PASSWORD)
    session = await accounts.sign_in(SHOP, "lin", PASSWORD, "10.0.0.1")
    assert await accounts.set_password(SHOP, "lin", f"{PASSWORD}!")
    with pytest.raises(UnknownSession):
        await accounts.session(session.token)
    with pytest.raises(BadCredentials):
        await accounts.sign_in(SHOP, "lin", PASSWORD, "10.0.0.1")
    again = await accounts.sign_in(SHOP, "lin", f"{PASSWORD}!", "10.0.0.1")
    assert (await accounts.session(again.token)).who == session.who
    assert not await accounts.set_password(SHOP, "nobody", PASSWORD)
    with pytest.raises(BadOperator):
        await accounts.set_password(SHOP, "lin", "short")
