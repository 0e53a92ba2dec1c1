"""
An evaluation as one HTML page: tables and plots, no script, nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from router_models import plots
from router_models.details import Bin, Details
from router_models.evaluate import EvalReport
from router_models.metrics import SliceReport
from router_models.plots import Axis, axis_over


#: What the issue of the router asks for; shown beside the figures.
GOALS = {
    "tier macro-F1": ">= 0.90",
    "high-risk recall": ">= 97 %",
    "false alarms": "<= 8 %",
    "severe under-routing": "<= 1 %",
    "ECE": "<= 0.03",
}
_TIERS = ("L1", "L2", "L3", "human")
_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#68727f;--edge:#d5dae1;--a:#2461c4;--back:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b1;--edge:#3a424d;--a:#7aa8ff;--back:#14181d}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:74rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-top:1px solid var(--edge);padding-top:.8rem}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.2rem .7rem;border-bottom:1px solid var(--edge);text-align:right}
td:first-child,th:first-child{text-align:left}.bad{color:#c0341d;font-weight:600}.plots{display:flex;flex-wrap:wrap;gap:1rem}
figure{margin:0;width:26rem;max-width:100%}figcaption{font-weight:600}svg{width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
.name,.tick,.count,.share{text-anchor:middle}.row{text-anchor:end}.axis{stroke:var(--edge)}.limit{stroke:#c0341d;stroke-dasharray:4 3}
.line{fill:none;stroke-width:1.8}.bar,.cell{fill:var(--a)}svg .count{fill:var(--ink);font-size:13px}p,li{max-width:60rem}
figure ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.85rem}figure i{display:inline-block;width:.8em;height:.8em;margin-right:.3em}
.s0{stroke:#2461c4}.s1{stroke:#c0341d}.s2{stroke:#2b8a4b}.s3{stroke:#b07a10}.s4{stroke:#7b4bb5}.s5{stroke:#1b8b93}
circle.s0,i.s0{fill:#2461c4;background:#2461c4}circle.s1,i.s1{fill:#c0341d;background:#c0341d}circle.s2,i.s2{fill:#2b8a4b;background:#2b8a4b}
circle.s3,i.s3{fill:#b07a10;background:#b07a10}circle.s4,i.s4{fill:#7b4bb5;background:#7b4bb5}circle.s5,i.s5{fill:#1b8b93;background:#1b8b93}
"""


def page(report: EvalReport, found: Details, source: str) -> str:
    """
    The whole page.

    Args:
        source: Where the rows come from, for the heading.
    """
    parts = [
        f"<h1>Router evaluation: {escape(source)}</h1>",
        f"<p>Model {escape(report.model)}, {report.n} rows. Goals: {escape(_goals())}.</p>",
        _section("Figures", [_heads(report), _safety(report, found)]),
        _section("Confusion (rows: label, columns: decision)", _confusions(report)),
        _section("High risk", [_alarms(found)]),
        _section("Cost and quality", _cost(found)),
        _section("Reliability", _reliability(found.reliability)),
        _section("Abstention and certificates", _certificates(found)),
        _section("Steadiness", _steadiness(found)),
        _section("Slices", [_slices(found.slices)]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Router evaluation</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _goals() -> str:
    return ", ".join(f"{name} {goal}" for name, goal in GOALS.items())


def _section(title: str, parts: Iterable[str]) -> str:
    inside = "".join(parts)
    if not inside:
        return ""
    return (
        f'<section><h2>{escape(title)}</h2><div class="plots">{inside}</div></section>'
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parts(report: EvalReport) -> dict[str, SliceReport]:
    return {"all": report.overall, **report.by_locale}


def _heads(report: EvalReport) -> str:
    return _table(
        ("slice", "head", "n", "accuracy", "macro-F1", "ECE"),
        (
            (name, head, one.n, one.accuracy, one.macro_f1, one.ece)
            for name, part in _parts(report).items()
            for head, one in part.heads.items()
        ),
    )


def _safety(report: EvalReport, found: Details) -> str:
    return _table(
        ("slice", "severe under-routing", "high-risk recall", "at false alarms", "recall at 10 % alarms"),
        (
            (
                name,
                part.severe_under_routing,
                part.high_risk_recall,
                part.high_risk_false_alarms,
                found.high_risk_recall_at_10.get(name),
            )
            for name, part in _parts(report).items()
        ),
    )  # fmt: skip


def _confusions(report: EvalReport) -> Iterable[str]:
    for name, part in _parts(report).items():
        if part.tiers:
            table = [[part.tiers.get(a, {}).get(b, 0) for b in _TIERS] for a in _TIERS]
            yield plots.shades(f"Tier, {name}", _TIERS, _TIERS, table)


def _alarms(found: Details) -> str:
    curves = {name: points for name, points in found.alarm_curves.items() if points}
    if not curves:
        return ""
    across = Axis("false alarms among turns that are not high risk", 0.0, 0.5)
    return plots.lines("Recall of high risk", across, Axis("recall"), curves)


def _cost(found: Details) -> Iterable[str]:
    routed = found.cost_quality
    if routed is None:
        return
    costs = [cost for cost, _ in (*routed.curve, *routed.marks.values())]
    yield plots.lines(
        "Share of turns whose tier suffices, by mean price",
        axis_over("mean price of a turn, thousandths", costs),
        Axis("share"),
        {"router, any setting": routed.curve},
        routed.marks,
    )
    yield _table(
        ("chooser", "mean price", "suffices"),
        [(name, *point) for name, point in routed.marks.items()],
    )
    cost_at = [(f"cost that recovers {s}", c) for s, c in routed.cost_at.items()]
    yield _table(
        ("of the gap between always L1 and always a person", "value"),
        [
            ("APGR", routed.apgr),
            ("APGR of the oracle", routed.apgr_oracle),
            ("APGR of a coin", 0.5),
            *cost_at,
        ],
    )


def _reliability(bins: Mapping[str, Sequence[Bin]]) -> Iterable[str]:
    for head, found in bins.items():
        if found:
            curve = [(one.stated, one.observed) for one in found]
            series = {head: curve, "honest": [(0.0, 0.0), (1.0, 1.0)]}
            yield plots.lines(head, Axis("stated"), Axis("observed"), series)


def _certificates(found: Details) -> Iterable[str]:
    if found.risk_coverage is not None:
        points = found.risk_coverage.curve
        up = axis_over("severe share", [0.01, *(share for _, share in points)])
        title = (
            f"Severe errors among the surest turns, AURC {found.risk_coverage.aurc:.4f}"
        )
        yield plots.lines(title, Axis("coverage"), up, {"router": points})
    yield _table(
        ("stratum", "promised", "line", "n", "errors", "observed", "broken", "other mix"),
        (
            (c.stratum, f"<= {c.alpha:.0%}", c.line, c.n, c.errors, c.observed, "yes" if c.is_broken else "no", c.shifted)
            for c in found.certificates
        ),
    )  # fmt: skip
    yield (
        f"<p>The model abstained on {found.abstained:.1%} of the rows: they went one tier up."
        " A certificate speaks of turns like those it was calibrated on; <i>other mix</i> is"
        " what it would be worth with three times as many turns that need a tool or a person.</p>"
    )


def _steadiness(found: Details) -> Iterable[str]:
    if found.flips is not None and found.flips.rate:
        yield _table(
            (f"written otherwise ({found.flips.n} rows)", "tier changed"),
            [
                *found.flips.rate.items(),
                ("to a lower tier, all ways", found.flips.lower),
            ],
        )
        yield plots.bars(
            "Tier changed, by way of writing",
            axis_over("share", [0.05, *found.flips.rate.values()]),
            {name.split()[0]: rate for name, rate in found.flips.rate.items()},
            None,
        )
    if found.parity is not None:
        yield _table(
            (f"{found.parity.n} pairs, zh and en", "same"),
            [("tier", found.parity.same_tier), ("risk", found.parity.same_risk)],
        )
        yield (
            "<ul>"
            + "".join(f"<li>{escape(x)}</li>" for x in found.parity.apart)
            + "</ul>"
        )


def _slices(parts: Mapping[str, SliceReport]) -> str:
    return _table(
        ("slice", "n", "tier macro-F1", "severe", "high-risk recall", "false alarms"),
        (
            (
                name,
                part.n,
                part.heads["tier"].macro_f1 if "tier" in part.heads else None,
                part.severe_under_routing,
                part.high_risk_recall,
                part.high_risk_false_alarms,
            )
            for name, part in parts.items()
        ),
    )
