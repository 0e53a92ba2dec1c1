"""
The report as one HTML page that needs nothing else: no script, no other host.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from engines.contract import Tier
from gateway.insight import plots
from gateway.insight.assessment import Assessment, Money
from gateway.insight.assumptions import Assumptions
from gateway.insight.columns import shown
from gateway.insight.traffic import Traffic


Language = Literal["zh", "en"]
Words = Mapping[str, str]

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--page:#fff;--edge:#d0d7de;--bar:#2f6f9f}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--page:#0d1117;--edge:#30363d;--bar:#6cb0de}}
body{font:15px/1.55 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
max-width:62rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--page)}
table{border-collapse:collapse;margin:.6rem 0;max-width:100%;display:block;overflow-x:auto}
td,th{border-bottom:1px solid var(--edge);padding:.25rem .7rem;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;margin:.6rem 0}svg text{font-size:13px;fill:var(--ink)}
svg line{stroke:var(--ink)}.bar{fill:var(--bar)}polyline{fill:none;stroke-width:1.6}
.part0{fill:#3d8b5f}.part1{fill:#3f7fb5}.part2{fill:#8a63b8}.part3{fill:#c4713b}
.line0{stroke:#3d8b5f}.line1{stroke:#3f7fb5}.line2{stroke:#8a63b8}.line3{stroke:#c4713b}
.low{fill:#c4713b}.high{fill:#3f7fb5}
"""
#: Days shown one by one; a longer file is shown by its last days.
_MAX_DAYS = 120
_MAX_SCENES = 25
_MAX_BARS = 12


def words_of(language: Language) -> Words:
    """The catalogue of a language."""
    path = Path(__file__).parent / "words" / f"{language}.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str])


def assessment_page(found: Assessment, given: Assumptions, language: Language) -> str:
    """The report of an assessment."""
    words = words_of(language)
    skipped = ", ".join(f"{why}: {count}" for why, count in found.skips.items())
    source = [
        (words["source"], found.source),
        (words["rows"], f"{found.rows:,}"),
        (words["skips"], skipped or "0"),
        *((f"→ {name}", column) for name, column in shown(found.mapping).items()),
    ]
    body = [
        f"<h1>{_e(words['title'])}</h1>",
        _advice(found, words),
        _h(words["volume"]) + _traffic(found, words),
        _h(words["tiers"]) + _tiers(found, words),
        _h(words["scenes"]) + _scenes(found, words),
        _money(found.money, given, words, language),
        _h(words["mapping"]) + _pairs(source),
    ]
    return page(words["title"], language, body)


def money_page(money: Money, given: Assumptions, language: Language) -> str:
    """The report of ``tidegate roi``."""
    words = words_of(language)
    demand = money.demand
    facts = [
        (words["per_month"], f"{demand.per_month:,.0f}"),
        (words["human_share"], f"{demand.human_share:.1%}"),
        *((words[tier], f"{share:.1%}") for tier, share in demand.finished.items()),
    ]
    body = [
        f"<h1>{_e(words['roi_title'])}</h1>",
        _h(words["demand"]) + _pairs(facts),
        _money(money, given, words, language),
    ]
    return page(words["roi_title"], language, body)


def page(title: str, language: str, body: Iterable[str]) -> str:
    """A whole page around *body*."""
    lang = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_e(title)}</title><style>{STYLE}</style>{''.join(body)}</html>\n"
    )


def _advice(found: Assessment, words: Words) -> str:
    advice = found.advice
    reasons = "; ".join(words[reason] for reason in advice.reasons)
    cost = advice.by_cost or (words["none_pays"] if found.money else words["unknown"])
    return _h(words["advice"]) + _pairs(
        [
            (words["by_thresholds"], f"{advice.by_thresholds} ({reasons})"),
            (words["by_cost"], cost),
            (
                words["costly"],
                f"{', '.join(found.costly)} ({found.costly_share:.0%})",
            ),
            (words["frequent"], f"{found.frequent_share:.0%}"),
        ]
    )


def _traffic(found: Assessment, words: Words) -> str:
    traffic = found.traffic
    handling = traffic.handling
    facts = [
        (words["conversations"], f"{traffic.conversations:,}"),
        (words["messages"], f"{traffic.customer_messages:,}"),
        (words["human_share"], percent(traffic.human_share, words)),
        (
            words["handling"],
            f"{handling.mean_s:.0f} / {handling.p50_s:.0f} / {handling.p90_s:.0f}",
        ),
        (words["handling_source"], f"{words[handling.source]} ({handling.n:,})"),
        (words["first_reply"], _number(traffic.first_reply_s, words)),
    ]
    if traffic.days is None:
        return _pairs(facts)
    return _pairs(facts + _times(traffic, words)) + _time_plots(traffic, words)


def _times(traffic: Traffic, words: Words) -> list[tuple[str, str]]:
    return [
        (words["days"], _number(traffic.days, words)),
        (words["per_day"], _number(traffic.per_day, words)),
        (
            words["busiest_day"],
            f"{traffic.busiest_day} ({traffic.busiest_day_count:,})",
        ),
        (words["peak_hour"], f"{traffic.peak_hour}:00"),
        (words["busiest_hour"], f"{traffic.busiest_hour_count:,}"),
        (words["peak_ratio"], _number(traffic.peak_ratio, words)),
    ]


def _time_plots(traffic: Traffic, words: Words) -> str:
    days = list(traffic.by_day.items())[-_MAX_DAYS:]
    hours = plots.columns(
        words["by_hour"], traffic.by_hour, [str(n) for n in range(len(traffic.by_hour))]
    )
    daily = plots.columns(
        words["by_day"], [count for _, count in days], [day[5:] for day, _ in days]
    )
    return (
        f"<h3>{_e(words['by_hour'])}</h3>{hours}<h3>{_e(words['by_day'])}</h3>{daily}"
    )


def _tiers(found: Assessment, words: Words) -> str:
    run = found.dry_run
    rows = [
        (words[name], [shares[tier] for tier in Tier])
        for name, shares in (
            ("now", run.engines),
            ("router", run.router),
            ("by_message", run.messages),
        )
    ]
    names = [words[tier] for tier in Tier]
    table = _table(
        ["", *names],
        [[name, *(f"{share:.1%}" for share in shares)] for name, shares in rows],
    )
    reasons = ", ".join(f"{why} {count}" for why, count in run.reasons.items())
    facts = [
        (words["sample"], f"{run.conversations:,}"),
        (words["margin"], f"{run.margin:.1%}"),
        (words["why_people"], reasons or "-"),
    ]
    plot = plots.stacks(words["tiers"], rows, names)
    return f"<p>{_e(words['tiers_note'])}</p>{plot}{table}{_pairs(facts)}"


def _scenes(found: Assessment, words: Words) -> str:
    scenes = found.scenes[:_MAX_SCENES]
    heads = ["scene", "share", "cost_share", "cost_month", "L1", "L2", "L3", "example"]
    rows = [
        [
            one.name,
            f"{one.share:.1%}",
            f"{one.cost_share:.1%}",
            "-" if one.cost_month is None else _amount(one.cost_month),
            *(f"{one.by_tier[tier]:.0%}" for tier in ("L1", "L2", "L3")),
            one.example,
        ]
        for one in scenes
    ]
    plot = plots.bars(
        words["scenes"],
        [(one.name, one.cost_share, f"{one.cost_share:.1%}") for one in scenes],
    )
    return plot + _table([words[name] for name in heads], rows, texts=(0, 7))


def _money(
    money: Money | None, given: Assumptions, words: Words, language: Language
) -> str:
    if money is None:
        return _h(words["money"]) + f"<p>{_e(words['no_money'])}</p>"
    unit = words["minor"].format(currency=money.currency)
    return (
        _h(words["money"])
        + f"<p>{_e(unit)}</p>"
        + _plans(money, words)
        + _h(f"{words['ranges']}: {money.stage}")
        + _spread(money, words)
        + _h(words["tornado"])
        + _tornado(money, given, language, words)
        + _h(words["assumptions"])
        + _assumed(given, language, words)
    )


def _plans(money: Money, words: Words) -> str:
    names = (
        "people_now",
        "people_then",
        "tiers",
        "fixed",
        "saving",
        "setup",
        "year_net",
    )
    heads = ["tier_cost" if name == "tiers" else name for name in names]
    rows = [
        [
            one.stage,
            *(_amount(getattr(one, name)) for name in names),
            _months(one.payback_months, words),
            f"{one.operators_freed:.1f}",
        ]
        for one in money.plans
    ]
    titles = [words[name] for name in ("stage", *heads, "payback", "freed")]
    return _table(titles, rows)


def _spread(money: Money, words: Words) -> str:
    found = money.spread
    return _pairs(
        [
            (words["saving"], " / ".join(map(_amount, found.saving))),
            (
                words["payback"],
                " / ".join(_months(one, words) for one in found.payback_months),
            ),
            (words["year_net"], " / ".join(map(_amount, found.year_net))),
            (words["pays_back"], f"{found.pays_back:.0%}"),
        ]
    )


def _tornado(money: Money, given: Assumptions, language: Language, words: Words) -> str:
    ranges = given.ranges()
    middle = next(one.year_net for one in money.plans if one.stage == money.stage)
    rows = [
        (getattr(ranges[bar.name], language), bar.at_low / 100, bar.at_high / 100)
        for bar in money.tornado[:_MAX_BARS]
    ]
    return plots.tornado(words["tornado"], rows, middle / 100)


def _assumed(given: Assumptions, language: Language, words: Words) -> str:
    rows = [
        [
            name,
            f"{one.low:,g}",
            f"{one.likely:,g}",
            f"{one.high:,g}",
            getattr(one, language),
        ]
        for name, one in given.ranges().items()
    ]
    limits = [
        [f"thresholds.{name}", "", f"{value:,g}", "", ""]
        for name, value in msgspec.to_builtins(given.thresholds).items()
    ]
    heads = [words[name] for name in ("name", "low", "likely", "high", "assumption")]
    return _table(heads, rows + limits, texts=(0, 4))


def _h(text: str) -> str:
    return f"<h2>{_e(text)}</h2>"


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{_e(a)}</th><td>{_e(b)}</td></tr>" for a, b in rows)
    return f"<table>{cells}</table>"


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], texts: tuple[int, ...] = (0,)
) -> str:
    """Columns that are not in *texts* hold numbers."""

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{'' if at in texts else ' class=n'}>{_e(value)}</{tag}>"
            for at, value in enumerate(values)
        )

    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', heads)}</tr>{lines}</table>"


def _amount(minor: int) -> str:
    return f"{minor / 100:,.0f}"


def percent(value: float | None, words: Words) -> str:
    """A share for people; one that the file does not tell is said to be unknown."""
    return words["unknown"] if value is None else f"{value:.1%}"


def _months(value: float | None, words: Words) -> str:
    return words["never"] if value is None else f"{value:.1f}"


def _number(value: float | None, words: Words) -> str:
    return words["unknown"] if value is None else f"{value:,.1f}".removesuffix(".0")


def _e(text: str) -> str:
    return html.escape(text, quote=True)
