"""
The format of acceptance suites, as structs; unknown keys are refused.

Amounts are integers in minor units everywhere. What a case does not name must
not change. ``{{ today+3 }}`` in any text of a case is a date, three days ahead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from engines import yamlfile
from engines.agent.ledger import ActionState
from engines.agent.policy import PolicyFile
from engines.contract import Locale, Tier
from engines.shops.demo import seed
from engines.shops.demo.bench import Row
from engines.shops.demo.faults import Fault
from engines.shops.port import Address, InvoiceKind, OrderStatus, ParcelStatus
from gateway.outcome import Status


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
Amount = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
Place = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+/[^\s]+$")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a suite."""


class Coupon(_Part, frozen=True):
    """A discount on a whole order, from a total of goods on."""

    id: Name
    discount: seed.Minor
    threshold: seed.Minor = 0


class FixtureOrder(_Part, frozen=True):
    """
    One order; what was paid is computed from lines, coupon, points and freight.

    Attributes:
        address: Where it goes; the customer's own address if left out.

        coupon: Id of a coupon of the fixture, or the discount itself.

        coupon_threshold: Goods that the discount needs, if *coupon* is one.

        freight: Only where it is not the freight table's.

        delivered_hours_ago: As *hours_ago*; of a delivered order.

        was_paid: False for an order that was cancelled unpaid.

        note: What the customer wrote on the order; nobody's instruction.

        deliver_in_days: A delivery day that was asked for.
    """

    id: seed.Id
    customer: seed.Id
    status: OrderStatus
    lines: Annotated[tuple[seed.SeedLine, ...], msgspec.Meta(min_length=1)]
    address: Address | None = None
    hours_ago: seed.Hours = 24.0
    channel: str = "web"
    coupon: seed.Minor | str = 0
    coupon_threshold: seed.Minor = 0
    points: seed.Minor = 0
    freight: seed.Minor | None = None
    delivered_hours_ago: seed.Hours | None = None
    parcel: seed.SeedParcel | None = None
    refunds: tuple[seed.SeedRefund, ...] = ()
    invoices: tuple[seed.SeedInvoice, ...] = ()
    note: str = ""
    was_paid: bool = True
    deliver_in_days: int | None = None


class FixtureCustomer(_Part, frozen=True):
    """
    One customer of the shop.

    Attributes:
        points: Balance of points, in minor units.

        person: Accounts with the same value are proven to be one person's.

        address: Of orders that name none.
    """

    id: seed.Id
    name: str
    locale: Locale = "zh"
    points: seed.Minor = 0
    person: str = ""
    address: Address | None = None


class FixtureParcel(_Part, frozen=True):
    """The parcel of an order, if it does not stand with the order."""

    order: seed.Id
    tracking_id: str
    carrier: str
    status: ParcelStatus = "in_transit"
    events: tuple[seed.SeedEvent, ...] = ()
    expected_in_days: int | None = None


class FixtureInvoice(_Part, frozen=True):
    """An invoice of an order, if it does not stand with the order."""

    order: seed.Id
    id: seed.Id
    title: str
    tax_id: str = ""
    kind: InvoiceKind = "personal"
    email: str = ""
    hours_ago: seed.Hours = 1.0


class Fixture(_Part, frozen=True):
    """
    The shop that every case finds, fresh.

    Attributes:
        extends: ``demo`` starts from the shipped demo shop, and what is named
            here is added or takes the place of the same id; ``none`` from
            nothing but the shipped freight table.

        currency: Of all amounts.

        freight: Takes the place of the whole freight table.

        return_address: Where goods are sent back to.

        policy: A policy file (beside the suite, or shipped), or a policy itself.
    """

    extends: Literal["demo", "none"] = "demo"
    currency: str = ""
    products: tuple[seed.CatalogueProduct, ...] = ()
    customers: tuple[FixtureCustomer, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    orders: tuple[FixtureOrder, ...] = ()
    parcels: tuple[FixtureParcel, ...] = ()
    invoices: tuple[FixtureInvoice, ...] = ()
    freight: tuple[seed.FreightRow, ...] = ()
    return_address: seed.Text | None = None
    policy: str | PolicyFile = "policies/default.yaml"


class ActionSeen(_Part, frozen=True):
    """
    An action as a reply shows it or the ledger keeps it.

    Attributes:
        recipe: For example ``refund_item``.

        amount: To the customer positive, from the customer negative.
    """

    recipe: str
    state: ActionState | None = None
    order: str | None = None
    amount: Amount | None = None


class Reply(_Part, frozen=True):
    """
    What a reply must hold; what is left out is not judged.

    Attributes:
        tier: Who answered; one or several that will do.

        status: What became of the message; one or several that will do.

        facts: Words that must stand in the text, as they are, case aside.

        lacks: Words that must not stand in the text.

        amounts: Amounts of money that must stand in the text, exactly.

        lacks_amounts: Amounts of money that must not stand there.

        asks_consent: Whether something is proposed and waits for a yes.

        actions: Actions that the reply must show.

        intent: What the router takes the message for (its auxiliary intents). It
            decides nothing, so it is counted by ``--levels`` and judged nowhere.
    """

    tier: Tier | tuple[Tier, ...] | None = None
    status: Status | tuple[Status, ...] | None = None
    facts: tuple[Text, ...] = ()
    lacks: tuple[Text, ...] = ()
    amounts: tuple[Amount, ...] = ()
    lacks_amounts: tuple[Amount, ...] = ()
    asks_consent: bool | None = None
    actions: tuple[ActionSeen, ...] = ()
    intent: Text | None = None


class Step(_Part, frozen=True):
    """
    One message of the customer, and what happens around it.

    Attributes:
        say: What the customer writes.

        meanwhile: Rows of the shop that somebody else changes before it.

        fault: How the shop misbehaves from now on.

        pay: The customer pays the newest open payment link before it.

        again: The message arrives this many times.
    """

    say: Text
    reply: Reply = Reply()
    meanwhile: dict[Place, Row] = {}
    fault: Fault | None = None
    pay: bool = False
    again: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1


class Notified(_Part, frozen=True):
    """A notification that the shop sent; *recipe* names what it is about."""

    customer: str
    recipe: str | None = None
    facts: tuple[Text, ...] = ()
    amounts: tuple[Amount, ...] = ()


class Expected(_Part, frozen=True):
    """
    What a case leaves behind. An order's version is never judged.

    Attributes:
        changes: Place (``table/key``) to the fields that differ from the
            fixture, with their values afterwards, ``"*"`` for any. No other
            field of no other row may differ.

        created: Table to the rows that are new; of a row only the fields that
            are named are judged, but every new row must be named.

        ledger: Actions as the ledger keeps them, all of them but superseded
            proposals. Left out: no action may be done if nothing changes.

        notifications: All that the shop sent. Left out: one for each action done.

        person: Whether a person was needed: the conversation was given to
            people, or promised by ticket.
    """

    changes: dict[Place, Row] = {}
    created: dict[str, tuple[Row, ...]] = {}
    ledger: tuple[ActionSeen, ...] | None = None
    notifications: tuple[Notified, ...] | None = None
    person: bool = False


class Case(_Part, frozen=True):
    """
    One conversation and what it must leave behind.

    Attributes:
        title: What the case shows, for readers of the report.

        customer: Who writes, as the channel says.

        locale: Of the customer's page; the customer's own if left out.

        tags: For readers and for ``--tag``.

        pay: Whether open payment links are paid at the end.
    """

    id: Name
    customer: str
    turns: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=40)]
    expect: Expected = Expected()
    title: str = ""
    locale: Locale | None = None
    tags: tuple[str, ...] = ()
    pay: bool = False


class Suite(_Part, frozen=True):
    """
    An acceptance suite: a shop, and conversations with what they leave behind.

    Attributes:
        suite: Name of the suite.

        locale: Of cases that name none.

        fixture: The shop, or a file beside the suite that holds one.
    """

    suite: Name
    cases: Annotated[tuple[Case, ...], msgspec.Meta(min_length=1)]
    title: str = ""
    locale: Locale | None = None
    fixture: Fixture | str = Fixture()

    @property
    def shop(self) -> Fixture:
        """The fixture itself; :func:`load` has read it if it was a file."""
        assert isinstance(self.fixture, Fixture)  # noqa: S101 - load() replaced it
        return self.fixture


def load(path: Path) -> Suite:
    """
    Read a suite strictly.

    Raises:
        BadFile: With file, line and fix.
    """
    document = yamlfile.read(path)
    suite = yamlfile.convert(document, Suite)
    problems = []
    seen: set[str] = set()
    for at, case in enumerate(suite.cases):
        if case.id in seen:
            text = f"two cases are called {case.id!r}"
            problems.append(document.problem(text, "cases", at, fix="rename one"))
        seen.add(case.id)
    if isinstance(suite.fixture, str):
        beside = path.parent / suite.fixture
        if not beside.is_file():
            text = f"no file {suite.fixture!r} beside the suite"
            fix = "name one that is there, or write the fixture here"
            raise yamlfile.BadFile([document.problem(text, "fixture", fix=fix)])
        fixture = yamlfile.convert(yamlfile.read(beside), Fixture)
        suite = msgspec.structs.replace(suite, fixture=fixture)
    if problems:
        raise yamlfile.BadFile(problems)
    return suite


def json_schema() -> dict[str, Any]:
    """Build the schema of suites, so that editors complete and complain."""
    schema = msgspec.json.schema(Suite)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tidegate acceptance suite",
        **schema,
    }
