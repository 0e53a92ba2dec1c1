"""
Plots as SVG text inside a page: no script, no foreign host, readable in print.

Colours come from the page's style through classes, so that they follow the
reader's colour scheme. Every plot has a title for those who cannot see it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence


WIDTH = 720
_LABEL = 200
_ROW = 26
_TALL = 180


def columns(title: str, values: Sequence[float], labels: Sequence[str]) -> str:
    """Upright bars, for hours and days; every label that has room is written."""
    top = max(values, default=0) or 1
    step = WIDTH / max(1, len(values))
    every = max(1, round(56 / step))
    parts = []
    for at, (value, label) in enumerate(zip(values, labels, strict=True)):
        tall = value / top * (_TALL - 30)
        x = at * step
        parts.append(
            f'<rect class="bar" x="{x + step * 0.1:.1f}" y="{_TALL - tall:.1f}"'
            f' width="{step * 0.8:.1f}" height="{tall:.1f}">'
            f"<title>{_e(label)}: {value:g}</title></rect>"
        )
        if at % every == 0:
            parts.append(
                f'<text x="{x + step / 2:.1f}" y="{_TALL + 16}"'
                f' text-anchor="middle">{_e(label)}</text>'
            )
    parts.append(f'<text x="0" y="14">{top:,.0f}</text>')
    return _svg(title, _TALL + 24, "".join(parts))


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Lying bars: name, value, what is written behind it."""
    top = max((value for _, value, _ in rows), default=0) or 1
    room = WIDTH - _LABEL - 150
    parts = []
    for at, (name, value, told) in enumerate(rows):
        y = at * _ROW
        wide = max(0.0, value) / top * room
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{_e(name[:28])}</text>'
            f'<rect class="bar" x="{_LABEL}" y="{y + 4}" width="{wide:.1f}" height="18"/>'
            f'<text x="{_LABEL + wide + 6:.1f}" y="{y + 17}">{_e(told)}</text>'
        )
    return _svg(title, len(rows) * _ROW + 4, "".join(parts))


def stacks(
    title: str, rows: Sequence[tuple[str, Sequence[float]]], names: Sequence[str]
) -> str:
    """Shares of a whole, one lying bar a row, parts in the same order and colour."""
    parts = []
    for at, (row, shares) in enumerate(rows):
        y, x = at * _ROW, float(_LABEL)
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{_e(row[:28])}</text>'
        )
        for number, share in enumerate(shares):
            wide = share * (WIDTH - _LABEL)
            parts.append(
                f'<rect class="part{number}" x="{x:.1f}" y="{y + 4}" width="{wide:.1f}"'
                f' height="18"><title>{_e(names[number])} {share:.1%}</title></rect>'
            )
            x += wide
    y = len(rows) * _ROW + 8
    for number, name in enumerate(names):
        x = _LABEL + number * 120
        parts.append(
            f'<rect class="part{number}" x="{x}" y="{y}" width="12" height="12"/>'
            f'<text x="{x + 18}" y="{y + 11}">{_e(name)}</text>'
        )
    return _svg(title, y + 24, "".join(parts))


def tornado(title: str, rows: Sequence[tuple[str, float, float]], middle: float) -> str:
    """What each assumption does: value at its low and at its high around *middle*."""
    ends = [middle, *(value for _, low, high in rows for value in (low, high))]
    low_end, high_end = min(ends), max(ends)
    span = (high_end - low_end) or 1.0
    room, left = WIDTH - 330, 320

    def x_of(value: float) -> float:
        return left + (value - low_end) / span * room

    parts = []
    for at, (name, low, high) in enumerate(rows):
        y = at * _ROW
        parts.append(
            f'<text x="{left - 8}" y="{y + 17}" text-anchor="end">{_e(name)}</text>'
        )
        for kind, value in (("low", low), ("high", high)):
            start, end = sorted((x_of(middle), x_of(value)))
            parts.append(
                f'<rect class="{kind}" x="{start:.1f}" y="{y + 4}"'
                f' width="{end - start:.1f}" height="18">'
                f"<title>{kind}: {value:,.0f}</title></rect>"
            )
    tall = len(rows) * _ROW
    parts.append(
        f'<line x1="{x_of(middle):.1f}" x2="{x_of(middle):.1f}" y1="0" y2="{tall}"/>'
        f'<text x="{left}" y="{tall + 16}">{low_end:,.0f}</text>'
        f'<text x="{WIDTH}" y="{tall + 16}" text-anchor="end">{high_end:,.0f}</text>'
    )
    return _svg(title, tall + 24, "".join(parts))


def lines(
    title: str, series: Sequence[tuple[str, Sequence[float]]], end: str, unit: str
) -> str:
    """Courses over the same time, from 0 to *end*; the highest value is written."""
    top = max((value for _, values in series for value in values), default=0) or 1
    parts = [f'<text x="0" y="14">{top:,.4g} {_e(unit)}</text>']
    for number, (name, values) in enumerate(series):
        step = WIDTH / max(1, len(values) - 1)
        points = " ".join(
            f"{at * step:.1f},{_TALL - value / top * (_TALL - 30):.1f}"
            for at, value in enumerate(values)
        )
        parts.append(f'<polyline class="line{number}" points="{points}"/>')
        x = 120 + number * 130
        parts.append(
            f'<rect class="part{number}" x="{x}" y="4" width="12" height="12"/>'
            f'<text x="{x + 18}" y="15">{_e(name)}</text>'
        )
    parts.append(f'<text x="0" y="{_TALL + 16}">0</text>')
    parts.append(
        f'<text x="{WIDTH}" y="{_TALL + 16}" text-anchor="end">{_e(end)}</text>'
    )
    return _svg(title, _TALL + 24, "".join(parts))


def _svg(title: str, height: float, body: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {height:.0f}"'
        f' xmlns="http://www.w3.org/2000/svg"><title>{_e(title)}</title>{body}</svg>'
    )


def _e(text: str) -> str:
    return html.escape(text, quote=True)
