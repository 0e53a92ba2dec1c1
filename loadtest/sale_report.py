"""
The report of a sale day: one HTML page with plots.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from gateway.insight import plots
from gateway.insight.page import page
from loadtest.sale import SaleReport


def sale_page(report: SaleReport) -> str:
    """The report as a page that needs nothing else."""
    course = report.client.course
    end = f"{len(course)} s"
    offered = plots.lines(
        "Messages a second",
        [
            ("offered", [one.offered for one in course]),
            ("errors", [one.errors for one in course]),
        ],
        end,
        "/s",
    )
    taken = plots.lines(
        "Latency from the intended start",
        [
            ("p50", [one.p50_ms for one in course]),
            ("p95", [one.p95_ms for one in course]),
            ("worst", [one.max_ms for one in course]),
        ],
        end,
        "ms",
    )
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(told)}</td></tr>"
        for name, told in facts(report)
    )
    body = [
        "<h1>Sale day</h1>",
        f"<table>{rows}</table>",
        f"<h2>Messages a second</h2>{offered}",
        f"<h2>Latency from the intended start</h2>{taken}",
    ]
    return page("Sale day", "en", body)


def facts(report: SaleReport) -> list[tuple[str, str]]:
    """The figures of a run, for the page and the terminal."""
    client, ends, sale = report.client, report.ends, report.sale
    verdict = "valid" if client.is_valid else "VOID: the generator was late or full"
    own = ", ".join(f"{name} <= {ms:g} ms" for name, ms in report.own_p95_ms.items())
    spread = (client.p50_ms, client.p95_ms, client.p99_ms, client.max_ms)
    latency = " / ".join(f"{ms:.1f}" for ms in spread)
    return [
        ("run", verdict),
        (
            "shape",
            f"{sale.shape}, {sale.seconds:g} s, seed {sale.seed}, Poisson arrivals",
        ),
        ("peak offered", f"{sale.peak_per_s:g} messages a second"),
        ("sent", f"{client.sent} ({client.rps:.1f} a second in the mean)"),
        ("refused or broken", f"{client.errors}"),
        ("never answered", f"{client.unanswered}"),
        ("talks answered to the end by the machine", _share(ends.whole, ends.talks)),
        ("turns at the pools of L2 and L3", _told(report.admissions)),
        ("ended answered", f"{ends.answered}"),
        ("ended with people or as tickets", f"{ends.with_people}"),
        ("not taken by the gateway", f"{ends.not_taken}"),
        ("acknowledged and lost", f"{report.lost}"),
        ("taken and left without an end", f"{ends.unfinished}"),
        ("latency in ms: p50 / p95 / p99 / worst", latency),
        ("p95 by the gateway's own histograms", own),
        ("generator late at worst", f"{client.lag_ms:.1f} ms"),
        ("generator's share of a core", f"{client.cpu_share:.0%}"),
        ("hardware", report.hardware),
    ]


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "-"


def _told(admissions: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in admissions.items()) or "none"
