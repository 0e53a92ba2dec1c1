"""
Operators: accounts, sign-in, sessions.

Passwords are kept as argon2id hashes. A session is a random token in a cookie;
the store keeps its SHA-256 with shop, name and CSRF token, and forgets it after
its life. The account is read with every request, so a removed operator, or one whose
password was changed, is out at once. Failed sign-ins are counted by name, by address and by both.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Literal

import argon2
import msgspec

from gateway.handoff.errors import (
    BadCredentials,
    BadOperator,
    TooManyTries,
    UnknownSession,
)
from gateway.store.operators import OperatorStore


OperatorRole = Literal["operator", "supervisor", "admin"]

#: Letters of an account's name.
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}\Z")
PASSWORD_CHARS = (10, 256)
DISPLAY_CHARS = 40
MAX_CAPACITY = 20

#: Failed sign-ins in one window: one name from one address, one address, one name.
MAX_TRIES = (5, 30, 50)
TRY_WINDOW_MS = 300_000
#: Password checks at once in one process: each takes 64 MB for some 50 ms.
CHECKS_AT_ONCE = 2


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who works at the desk.

    Attributes:
        display: The name customers see.

        capacity: Units of work at once; a talk takes one, a dispute two.

        skills: What they are asked for first, languages (zh, en) included; empty
            means everything.
    """

    shop: str
    name: str
    display: str
    role: OperatorRole
    capacity: int
    skills: tuple[str, ...] = ()

    @property
    def is_supervisor(self) -> bool:
        """True for supervisors and admins."""
        return self.role != "operator"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """
    A signed-in operator.

    Attributes:
        token: The cookie's value. Whoever has it is the operator.

        csrf: Must come with every call that changes something.
    """

    who: Operator
    token: str
    csrf: str


class _Account(msgspec.Struct, frozen=True, kw_only=True):
    """No password: single sign-on only. Sessions of another stamp are over."""

    who: Operator
    password_hash: str = ""
    stamp: str = ""


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    shop: str
    name: str
    csrf: str
    stamp: str = ""


_encode = msgspec.json.Encoder().encode
_account_decoder = msgspec.json.Decoder(_Account)
_entry_decoder = msgspec.json.Decoder(_Entry)


class Accounts:
    """
    Accounts and sessions of all shops.

    Args:
        session_s: How long an operator stays signed in.

        random_token: Makes unguessable tokens.

        hasher: Cost of the password hashes; the library's own by default.
    """

    def __init__(
        self,
        store: OperatorStore,
        session_s: float = 12 * 3600,
        random_token: Callable[[], str] = secrets.token_urlsafe,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._store = store
        self._session_ms = int(session_s * 1000)
        self._random_token = random_token
        self._hasher = hasher or argon2.PasswordHasher()
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)
        # Checked where there is no account, so that both take as long.
        self._decoy: str | None = None

    async def add_operator(
        self, who: Operator, password: str | None, *, replace: bool = False
    ) -> None:
        """
        Make an account, or replace one, whose sessions are over then.

        Without a password it can only be used by single sign-on.

        Raises:
            BadOperator: If name, password or capacity won't do, or the name is
                taken and *replace* is not set.
        """
        _check_operator(who)
        account = _encode(await self._made(who, password))
        if not await self._store.put_account(who.shop, who.name, account, replace):
            raise BadOperator(
                f"operator {who.name!r} exists already; replace it explicitly"
            )

    async def set_password(self, shop: str, name: str, password: str) -> bool:
        """
        Another password; all sessions are over. False if there is no such account.

        Raises:
            BadOperator: If the password won't do.
        """
        account = await self._account(shop, name)
        if account is None:
            return False
        changed = _encode(await self._made(account.who, password))
        return await self._store.put_account(shop, name, changed, True)

    async def _made(self, who: Operator, password: str | None) -> _Account:
        password_hash = ""
        if password is not None:
            _check_password(password)
            password_hash = await asyncio.to_thread(self._hasher.hash, password)
        stamp = self._random_token()
        return _Account(who=who, password_hash=password_hash, stamp=stamp)

    async def remove_operator(self, shop: str, name: str) -> bool:
        """Remove an account; its sessions are over. False if there was none."""
        return await self._store.drop_account(shop, name)

    async def operators(self, shop: str) -> list[Operator]:
        """All accounts of a shop, by name."""
        found = await self._store.accounts(shop)
        who = [_account_decoder.decode(data).who for data in found]
        return sorted(who, key=lambda one: one.name)

    async def sign_in(
        self, shop: str, name: str, password: str, address: str
    ) -> Session:
        """
        Open a session.

        Raises:
            BadCredentials: If shop, name or password is wrong; which one is
                not told.
            TooManyTries: If this name or *address* failed too often lately.
        """
        counters = (f"{shop}/{name}/{address}", f"@{address}", f"{shop}/{name}")
        wait_ms = await self._store.tries(counters, MAX_TRIES, TRY_WINDOW_MS, False)
        if wait_ms > 0:
            raise TooManyTries(wait_ms / 1000)
        account = await self._account(shop, name)
        if not await self._is_right(account, password) or account is None:
            await self._store.tries(counters, MAX_TRIES, TRY_WINDOW_MS, True)
            raise BadCredentials("shop, name or password is wrong")
        return await self._open(account)

    async def sign_on(self, shop: str, name: str) -> Session:
        """
        Open a session for whom a trusted provider named.

        Raises:
            BadCredentials: If the shop has no such account.
        """
        account = await self._account(shop, name)
        if account is None:
            raise BadCredentials(f"shop {shop!r} has no account {name!r}")
        return await self._open(account)

    async def session(self, token: str) -> Session:
        """
        Who a cookie stands for.

        Raises:
            UnknownSession: If it is not known, ran out, or the account is gone.
        """
        data = await self._store.session(_digest(token))
        if data is None:
            raise UnknownSession("sign in first")
        entry = _entry_decoder.decode(data)
        account = await self._account(entry.shop, entry.name)
        if account is None:
            raise UnknownSession("the account was removed")
        if account.stamp != entry.stamp:
            raise UnknownSession("the account was changed; sign in again")
        return Session(who=account.who, token=token, csrf=entry.csrf)

    async def sign_out(self, token: str) -> None:
        """End a session; harmless to repeat."""
        await self._store.drop_session(_digest(token))

    async def _open(self, account: _Account) -> Session:
        who = account.who
        session = Session(
            who=who, token=self._random_token(), csrf=self._random_token()
        )
        entry = _encode(
            _Entry(shop=who.shop, name=who.name, csrf=session.csrf, stamp=account.stamp)
        )
        await self._store.put_session(_digest(session.token), entry, self._session_ms)
        return session

    async def _account(self, shop: str, name: str) -> _Account | None:
        data = await self._store.account(shop, name)
        return None if data is None else _account_decoder.decode(data)

    async def _is_right(self, account: _Account | None, password: str) -> bool:
        async with self._checks:
            if self._decoy is None:
                decoy = self._random_token()
                self._decoy = await asyncio.to_thread(self._hasher.hash, decoy)
            known = account.password_hash if account is not None else ""
            is_right = await asyncio.to_thread(
                _verify, self._hasher, known or self._decoy, password
            )
            return is_right and bool(known)


def _verify(hasher: argon2.PasswordHasher, known: str, password: str) -> bool:
    try:
        return bool(hasher.verify(known, password))
    except argon2.exceptions.VerificationError:
        return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _check_password(password: str) -> None:
    least, most = PASSWORD_CHARS
    if not least <= len(password) <= most:
        raise BadOperator(f"the password must have {least} to {most} characters")


def _check_operator(who: Operator) -> None:
    if not NAME.match(who.name):
        raise BadOperator(
            f"name {who.name!r}: use 1-32 of a-z 0-9 _ . -, first a letter or digit"
        )
    if not 1 <= who.capacity <= MAX_CAPACITY:
        raise BadOperator(f"capacity must be 1 to {MAX_CAPACITY}")
    if not all(NAME.match(skill) for skill in who.skills):
        raise BadOperator("skills: use 1-32 of a-z 0-9 _ . - for each")
    if not 1 <= len(who.display.strip()) <= DISPLAY_CHARS:
        raise BadOperator(f"the display name must have 1 to {DISPLAY_CHARS} characters")
