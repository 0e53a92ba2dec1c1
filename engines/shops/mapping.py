"""
The mapping file of a shop's own operations: which of them stands for which port call.

    effects: idempotent
    refusals: {code: error.code, message: error.text, words: {NO_ORDER: not_found}}
    operations:
      order:
        operation: getOrder
        kind: read
        arguments: {customer: user_id, number: order_id}
        answer: {at: data, fields: {id: number, paid_minor: total * 100}}

Only what is mapped can be called at all. Who the customer is comes from the gateway
and has to be passed on: a mapping that leaves it out is refused, as is a read that is
marked as an effect. Every complaint names file, line and field
(:class:`engines.yamlfile.BadFile`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec

from engines.shops.effects import OrderEffect
from engines.shops.port import EffectSupport
from engines.shops.shapes import WHOLE, Shape, is_constant, named
from engines.yamlfile import BadFile, Document, Problem, convert, nearest, read


Kind = Literal["read", "effect"]
#: Names of an argument, or a whole body; see :func:`engines.shops.shapes.filled`.
Template = dict[str, Any]
_ORDER: Final = frozenset({"user_id", "order_id"})
_ADDRESS: Final = frozenset({"version", "address", "freight_minor"})


class Signature(msgspec.Struct, frozen=True):
    """
    What a port call does, what it says, and what a mapping may not leave out.

    Attributes:
        values: Names of all that it says.

        needs: Of them, those that must be passed on: identity, and the key.
    """

    kind: Kind
    values: frozenset[str]
    needs: frozenset[str]


def _read(*values: str, needs: frozenset[str] = frozenset()) -> Signature:
    return Signature("read", frozenset(values), needs)


def _effect(values: frozenset[str]) -> Signature:
    return Signature("effect", values | _ORDER | {"key"}, _ORDER | {"key"})


def _effects() -> dict[str, Signature]:
    return {
        str(kind.__struct_config__.tag): _effect(
            frozenset({"kind", *kind.__struct_fields__})
        )
        for kind in get_args(OrderEffect)
    }


_USER: Final = frozenset({"user_id"})
#: Every call of the port; effects on one order by their kind.
SIGNATURES: Final[Mapping[str, Signature]] = {
    "orders": _read("user_id", needs=_USER),
    "order": _read("user_id", "order_id", needs=_ORDER),
    "parcel": _read("user_id", "order_id", needs=_ORDER),
    "refunds": _read("user_id", "order_id", needs=_ORDER),
    "invoices": _read("user_id", "order_id", needs=_ORDER),
    "products": _read("query", "limit"),
    "variants": _read("sku"),
    "companions": _read("sku"),
    "coupons": _read("user_id", needs=_USER),
    "points": _read("user_id", needs=_USER),
    "quote_freight": _read("region", "weight_g", "goods_minor"),
    "find_effect": _read("key", needs=frozenset({"key"})),
    "change_address": _effect(_ADDRESS),
    "change_address_when_paid": _effect(_ADDRESS),
    "refund_line": _effect(
        frozenset({"version", "line", "quantity", "amount_minor"})
        | {"points_minor", "gifts"}
    ),
    "cancel_order": _effect(frozenset({"version", "amount_minor", "points_minor"})),
    "notify": Signature(
        "effect",
        frozenset({"user_id", "template", "text", "key"}),
        frozenset({"user_id", "key"}),
    ),
    **_effects(),
}
#: Without them there is no customer service.
_INDISPENSABLE: Final = ("orders", "order")


class Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One of the shop's operations, in the place of one port call.

    Attributes:
        operation: Its id in the OpenAPI document, or the name of the MCP tool.

        arguments: Its parameters, and what the port call puts there.

        body: Its JSON body, in the same words; ``*`` for all that is said.

        answer: How its answer becomes the port's record.
    """

    operation: str
    kind: Kind
    arguments: Template = {}
    body: Template | Literal["*"] | None = None
    answer: Shape = Shape()


class Refusals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Where a refusal says why, and its codes in the port's words.

    Attributes:
        words: Their code to ours; ``not_found`` means no such record, and
            ``version_conflict`` that the order has moved.
    """

    code: str = "code"
    message: str = "detail"
    words: dict[str, str] = {}


class ShopMapping(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    A shop's operations in the words of the port.

    Attributes:
        openapi: The document that describes them, beside this file; empty for MCP.

        effects: What the shop does with the key of an effect.

        key_header: Header with the shop's key; empty for a bearer token.
    """

    operations: dict[str, Operation]
    openapi: str = ""
    effects: EffectSupport = EffectSupport.BLIND
    moves_freight_apart: bool = False
    key_header: str = ""
    refusals: Refusals = Refusals()


def load(path: Path) -> tuple[ShopMapping, Document]:
    """
    Read a mapping file, and the lines of it for later complaints.

    Raises:
        BadFile: With all that is wrong in it.
    """
    document = read(path)
    mapping = convert(document, ShopMapping)
    problems = [*_whole(mapping, document)]
    for name, operation in mapping.operations.items():
        problems += _of_operation(name, operation, mapping, document)
    if problems:
        raise BadFile(problems)
    return mapping, document


def _whole(mapping: ShopMapping, document: Document) -> Iterator[Problem]:
    needed = list(_INDISPENSABLE)
    if mapping.effects is not EffectSupport.BLIND:
        needed.append("find_effect")
    for name in needed:
        if name not in mapping.operations:
            yield document.problem(
                f"{name!r} is not mapped", "operations", fix=f"add {name!r}"
            )


def _of_operation(
    name: str, operation: Operation, mapping: ShopMapping, document: Document
) -> Iterator[Problem]:
    place = ("operations", name)
    known = SIGNATURES.get(name)
    if known is None:
        fix = nearest(name, SIGNATURES)
        yield document.problem(f"the port has no call {name!r}", *place, fix=fix)
        return
    if operation.kind != known.kind:
        text = f"{name!r} is marked {operation.kind!r}"
        fix = f"it is: kind: {known.kind}"
        yield document.problem(text, *place, "kind", fix=fix)
    yield from _of_values(name, operation, known, mapping, document)


def _of_values(
    name: str,
    operation: Operation,
    known: Signature,
    mapping: ShopMapping,
    document: Document,
) -> Iterator[Problem]:
    used = set(_leaves(operation))
    for place, value in used:
        if value not in known.values:
            fix = nearest(value, known.values)
            text = f"{name!r} says nothing called {value!r}"
            yield document.problem(text, "operations", name, *place, fix=fix)
    said = {value for _, value in used}
    for value in sorted(known.needs - said):
        if value == "key" and mapping.effects is EffectSupport.BLIND:
            continue
        text = f"{value!r} of {name!r} is passed to no argument"
        fix = "it comes from the gateway and must reach the shop"
        yield document.problem(text, "operations", name, fix=fix)


def _leaves(operation: Operation) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every value that an operation is given, and where in the file it stands."""
    yield from _in_template(operation.arguments, ("arguments",))
    if isinstance(operation.body, dict):
        yield from _in_template(operation.body, ("body",))


def _in_template(
    template: Template, place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, leaf in template.items():
        if isinstance(leaf, dict):
            yield from _in_template(leaf, (*place, key))
        elif isinstance(leaf, str) and leaf != WHOLE and not is_constant(leaf):
            yield (*place, key), named(leaf)
