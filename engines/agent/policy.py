"""
What the machine may do by itself: limits as data, judged outside any planner.

A policy file names the recipes a machine may run and, for each, clauses that
are checked in order against a :class:`Case`: the order as the shop has it and
the amounts as computed. A recipe without an entry is never automatic. The
first clause that does not hold decides: refuse, naming the rule and what is
allowed instead, or leave it to a person. Deliberately not here: any look at
text, at a plan, or at how sure somebody was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec

from engines import yamlfile
from engines.contract import Locale
from engines.shops.port import Order, OrderStatus


Otherwise = Literal["refuse", "person", "approve"]
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Minor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Saying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in both languages; ``{{ limit }}`` is the clause's figure."""

    zh: str
    en: str

    def said(self, locale: Locale, limit: str) -> str:
        """Fill the one blank there may be."""
        return str(getattr(self, locale)).replace("{{ limit }}", limit)


class _Clause(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
):
    """
    One condition.

    Attributes:
        rule: What holds, as the customer is told it.
        instead: What the customer can do; not said when a person takes over.
        otherwise: What happens when the condition does not hold: refuse, leave
            it to a person, or let the customer agree and an operator approve.
        approver: Who may approve, if an approval is needed.
    """

    id: Id
    rule: Saying
    instead: Saying | None = None
    otherwise: Otherwise = "refuse"
    approver: Literal["operator", "supervisor"] = "operator"


class States(_Clause, frozen=True, tag="states"):
    """The order is in one of these states."""

    allowed: Annotated[tuple[OrderStatus, ...], msgspec.Meta(min_length=1)]


class Window(_Clause, frozen=True, tag="window"):
    """
    Not longer ago than some days.

    An order that has no such time yet (not delivered) is inside.
    """

    since: Literal["placed_at", "delivered_at"]
    days: Annotated[int, msgspec.Meta(ge=0, le=3650)]


class Ceiling(_Clause, frozen=True, tag="ceiling"):
    """
    Not more than this, in minor units.

    Attributes:
        of: Money to the customer, money from the customer, or the worth of
            goods that leave without money moving.
    """

    of: Literal["to_customer", "from_customer", "goods"]
    minor: Minor


class Total(_Clause, frozen=True, tag="total"):
    """
    Not more money to customers than this over some days.

    Attributes:
        per: One customer, or the whole shop.

        over: This recipe alone, or together with all recipes that have such a
            clause.
    """

    minor: Minor
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 1
    per: Literal["customer", "shop"] = "customer"
    over: Literal["recipe", "all"] = "recipe"


class Never(_Clause, frozen=True, tag="never"):
    """The recipe did not mark the case so (gift, nothing_left, loss …)."""

    mark: Id


Clause = States | Window | Ceiling | Total | Never


class RecipePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Clauses of one recipe, in the order in which they are judged."""

    recipe: Id
    clauses: tuple[Clause, ...]


class MoneyRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Choices the money rules leave to the shop.

    Attributes:
        below_coupon_threshold: When what stays no longer earns the coupon:
            keep it, or reclaim what is left of it from the refund.
        below_free_shipping: As above, for freight that was waived.
    """

    below_coupon_threshold: Literal["keep", "reclaim"] = "keep"
    below_free_shipping: Literal["keep", "reclaim"] = "keep"


class PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What a policy file may hold.

    Attributes:
        proposal_minutes: How long a proposal waits for consent.
    """

    policy: Id
    proposal_minutes: Annotated[int, msgspec.Meta(ge=1, le=10_080)]
    money: MoneyRules
    recipes: tuple[RecipePolicy, ...]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a decision is about, all of it computed and none of it said.

    Attributes:
        now: Wall time with a time zone.
        to_customer_minor / from_customer_minor: Money that would move.
        worth_minor: Worth of goods that would leave without money moving.
        marks: What the recipe found out, for ``never`` clauses.
        spent: What the recipe gave before, by the id of a ``total`` clause.
    """

    recipe: str
    order: Order
    now: dt.datetime
    to_customer_minor: int = 0
    from_customer_minor: int = 0
    worth_minor: int = 0
    marks: frozenset[str] = frozenset()
    spent: Mapping[str, int] = {}


class Verdict(msgspec.Struct, frozen=True):
    """
    What policy says of a case.

    Attributes:
        outcome: ``allowed``, ``refuse``, ``person`` or ``approve``.
        clauses: Clauses that hold, as ``recipe.clause``; the last one is the
            deciding one if the outcome is not ``allowed``.
        clause: The deciding clause; None if allowed, or if the recipe has no
            policy at all.
    """

    outcome: Literal["allowed", "refuse", "person", "approve"]
    clauses: tuple[str, ...]
    clause: Clause | None = None


class Policy:
    """A loaded policy; immutable, serves all conversations of a shop."""

    def __init__(self, content: PolicyFile) -> None:
        self.name = content.policy
        self.money = content.money
        self.proposal_ms = content.proposal_minutes * 60_000
        self._recipes = {entry.recipe: entry.clauses for entry in content.recipes}

    @classmethod
    def load(cls, path: Path) -> Self:
        """
        Read a policy file strictly.

        Raises:
            BadFile: With file, line and fix.
        """
        document = yamlfile.read(path)
        content = yamlfile.convert(document, PolicyFile)
        problems = _doubled(document, content)
        if problems:
            raise yamlfile.BadFile(problems)
        return cls(content)

    @property
    def recipes(self) -> frozenset[str]:
        """Recipes that a machine may run at all."""
        return frozenset(self._recipes)

    def judge(self, case: Case) -> Verdict:
        """
        Check every clause of the case's recipe, in order.

        A refusal or a person comes before an approval, whichever stands first.
        """
        clauses = self._recipes.get(case.recipe)
        if clauses is None:
            return Verdict("person", (f"{case.recipe}.never_automatic",))
        passed: list[str] = []
        approval: Clause | None = None
        for clause in clauses:
            name = f"{case.recipe}.{clause.id}"
            if _holds(clause, case):
                passed.append(name)
            elif clause.otherwise == "approve":
                approval = approval or clause
            else:
                return Verdict(clause.otherwise, (*passed, name), clause)
        if approval is None:
            return Verdict("allowed", tuple(passed))
        last = f"{case.recipe}.{approval.id}"
        return Verdict("approve", (*passed, last), approval)

    def approver(self, clauses: Sequence[str]) -> Literal["operator", "supervisor"]:
        """Who may approve what was judged by *clauses*; a supervisor if it is gone."""
        recipe, _, clause_id = (clauses[-1] if clauses else "").partition(".")
        for clause in self._recipes.get(recipe, ()):
            if clause.id == clause_id:
                return clause.approver
        return "supervisor"

    def totals(self, recipe: str) -> tuple[Total, ...]:
        """Ceilings of a recipe over time."""
        return tuple(
            one for one in self._recipes.get(recipe, ()) if isinstance(one, Total)
        )

    def accepts(self, recipe: str, order: Order, now: dt.datetime) -> bool:
        """Tell if states and windows allow *recipe* on *order*, amounts aside."""
        case = Case(recipe=recipe, order=order, now=now)
        return all(
            _holds(clause, case)
            for clause in self._recipes.get(recipe, ())
            if isinstance(clause, States | Window)
        )


def json_schema() -> dict[str, object]:
    """Build the schema of policy files, so that editors complete and complain."""
    schema = msgspec.json.schema(PolicyFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def limit_of(clause: Clause) -> str:
    """The figure of a clause as it stands in its sentences; empty if it has none."""
    if isinstance(clause, Window):
        return str(clause.days)
    if isinstance(clause, Ceiling | Total):
        return f"{clause.minor // 100}.{clause.minor % 100:02d}"
    return ""


def _holds(clause: Clause, case: Case) -> bool:
    match clause:
        case States():
            return case.order.status in clause.allowed
        case Window():
            return _is_inside(clause, case)
        case Ceiling():
            return _measured(clause, case) <= clause.minor
        case Total():
            spent = case.spent.get(clause.id, 0)
            return not case.to_customer_minor or (
                spent + case.to_customer_minor <= clause.minor
            )
        case Never():
            return clause.mark not in case.marks


def _measured(clause: Ceiling, case: Case) -> int:
    match clause.of:
        case "to_customer":
            return case.to_customer_minor
        case "from_customer":
            return case.from_customer_minor
        case "goods":
            return case.worth_minor


def _is_inside(clause: Window, case: Case) -> bool:
    began = getattr(case.order, clause.since)
    if began is None:
        return True
    since = dt.datetime.fromisoformat(began)
    if since.tzinfo is None:
        since = since.replace(tzinfo=dt.UTC)
    return case.now - since <= dt.timedelta(days=clause.days)


def _doubled(
    document: yamlfile.Document, content: PolicyFile
) -> list[yamlfile.Problem]:
    problems = []
    names: set[str] = set()
    for at, entry in enumerate(content.recipes):
        if entry.recipe in names:
            text = f"recipe {entry.recipe!r} stands here twice"
            problems.append(
                document.problem(text, "recipes", at, fix="keep one of them")
            )
        names.add(entry.recipe)
        ids = [clause.id for clause in entry.clauses]
        if len(set(ids)) < len(ids):
            text = f"two clauses of {entry.recipe!r} have the same id"
            problems.append(document.problem(text, "recipes", at, fix="rename one"))
    return problems
