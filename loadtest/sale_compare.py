"""
The same sale day several times, with one thing switched off in each, in one report.

    as configured   limits on, all tiers of the stage
    no limits       pools without a bound worth the name: everything is begun at once
    L1 only         rules answer, people do the rest (the stage ``startup``)

Limits matter where something behind them is scarce. Left to the shop's own knowledge, L2
and L3 answer within milliseconds, no pool is ever full, and runs with and without limits
are the same run; with a model (:class:`loadtest.sale.Model`) that has so many places and a
line before them, the limits of the first run are those places.

Each run has a fresh gateway, the same shape, talks and seed, so the offered messages are
the same to the moment. On one machine generator and gateway share the processors: the
differences between the runs are the result, not the absolute figures.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

import msgspec

from gateway.config import Config
from gateway.insight import plots
from gateway.insight.page import page
from loadtest.sale import Model, Sale, SaleReport, run_sale
from loadtest.sale_report import facts


#: Slots of a tier that nothing in a run fills.
UNBOUNDED = 1_000_000


def variants(config: Config, model: Model | None = None) -> Mapping[str, Config]:
    """Name of the run -> its configuration; the first has the slots of *model*."""
    unbounded = msgspec.structs.replace(
        config.dispatch, l2_slots=UNBOUNDED, l3_slots=UNBOUNDED
    )
    if model is not None:
        l3_slots = max(1, model.places // 3)
        l2_slots = max(1, model.places - l3_slots)
        slots = msgspec.structs.replace(
            config.dispatch, l2_slots=l2_slots, l3_slots=l3_slots
        )
        config = msgspec.structs.replace(config, dispatch=slots)
    rules = msgspec.structs.replace(config.router, stage="startup")
    return {
        "as configured": config,
        "no limits": msgspec.structs.replace(config, dispatch=unbounded),
        "L1 only": msgspec.structs.replace(config, router=rules),
    }


def compare_sales(
    config: Config, sale: Sale, tell: Callable[[str], None]
) -> dict[str, SaleReport]:
    """Run *sale* once as configured and once with each thing switched off."""
    found = {}
    for name, changed in variants(config, sale.model).items():
        tell(f"run: {name}")
        found[name] = run_sale(changed, sale, tell)
    return found


def table(reports: Mapping[str, SaleReport]) -> list[tuple[str, ...]]:
    """One row a figure, one column a run; the first row names the runs."""
    columns = [facts(report) for report in reports.values()]
    rows = zip(*columns, strict=True)
    return [
        ("", *reports),
        *((cells[0][0], *(told for _, told in cells)) for cells in rows),
    ]


def compared_page(reports: Mapping[str, SaleReport]) -> str:
    """The runs beside each other, with one plot of all."""
    end = f"{max(len(one.client.course) for one in reports.values())} s"
    latency = [
        (name, [second.p95_ms for second in one.client.course])
        for name, one in reports.items()
    ]
    head, *rows = table(reports)
    lines = "".join(_row(row, "td") for row in rows)
    title = "Latency from the intended start, p95"
    body = [
        "<h1>Sale day, compared</h1>",
        f"<table>{_row(head, 'th')}{lines}</table>",
        f"<h2>{title}</h2>{plots.lines(title, latency, end, 'ms')}",
    ]
    return page("Sale day, compared", "en", body)


def _row(cells: tuple[str, ...], name: str) -> str:
    first, *rest = (html.escape(cell) for cell in cells)
    others = "".join(f"<{name}>{cell}</{name}>" for cell in rest)
    return f"<tr><th>{first}</th>{others}</tr>"
