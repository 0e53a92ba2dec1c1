"""
Plots as inline SVG: lines, bars and tables of shades. No script, no foreign host.

Every plot names its axes and carries its figures as a ``<title>``, so that a reader
with a screen reader or a pointer gets the numbers. Colours are of the page's style
sheet (classes ``s0`` to ``s5``), never of the plot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import msgspec


#: Size of a plot, and of the room for its axes, in pixels.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 420, 280, 52, 40, 14
#: Classes of series; later series start over.
_SERIES = 6
_TICKS = 5

Point = tuple[float, float]


class Axis(msgspec.Struct, frozen=True):
    """
    One axis.

    Attributes:
        low, high: What stands at its ends; *high* is above *low*.
    """

    name: str
    low: float = 0.0
    high: float = 1.0

    def at(self, value: float) -> float:
        """Place of *value* between the ends, 0 to 1; outside it is moved to an end."""
        share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))


def axis_over(name: str, values: Sequence[float], *, from_zero: bool = True) -> Axis:
    """An axis that holds all *values*."""
    top = max(values, default=1.0)
    low = 0.0 if from_zero else min(values, default=0.0)
    return Axis(name, low, top if top > low else low + 1.0)


def lines(
    title: str,
    across: Axis,
    up: Axis,
    series: Mapping[str, Sequence[Point]],
    marks: Mapping[str, Point] | None = None,
) -> str:
    """
    Curves over one pair of axes.

    Args:
        series: Points by name, drawn in their order.

        marks: Single named points.
    """
    marks = marks or {}
    parts = [*_axes(across, up)]
    names = [*series, *marks]
    for number, points in enumerate(series.values()):
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in _places(points, across, up))
        told = f"<title>{escape(names[number])}</title>"
        parts.append(
            f'<polyline class="line {_shade(number)}" points="{where}">{told}</polyline>'
        )
    for number, (name, point) in enumerate(marks.items(), len(series)):
        x, y = next(_places([point], across, up))
        told = f"<title>{escape(name)}: {point[0]:.4g}, {point[1]:.4g}</title>"
        parts.append(
            f'<circle class="mark {_shade(number)}" cx="{x:.1f}" cy="{y:.1f}" r="4">{told}</circle>'
        )
    return _figure(title, parts, names)


def bars(title: str, up: Axis, values: Mapping[str, float], limit: float | None) -> str:
    """
    One bar a name.

    Args:
        limit: A line across that the bars should stay below, or reach.
    """
    parts = [*_axes(Axis("", 0, max(1, len(values))), up, has_ticks=False)]
    room = (_WIDTH - _LEFT) / max(1, len(values))
    bottom = _HEIGHT - _BOTTOM
    for number, (name, value) in enumerate(values.items()):
        height = up.at(value) * (bottom - _TOP)
        x = _LEFT + room * number
        told = f"<title>{escape(name)}: {value:.4g}</title>"
        parts.append(
            f'<rect class="bar" x="{x + room * 0.15:.1f}" y="{bottom - height:.1f}"'
            f' width="{room * 0.7:.1f}" height="{height:.1f}">{told}</rect>'
            f'<text class="name" x="{x + room / 2:.1f}" y="{bottom + 14}">{escape(name)}</text>'
        )
    if limit is not None:
        y = bottom - up.at(limit) * (bottom - _TOP)
        parts.append(_stroke("limit", _LEFT, y, _WIDTH, y))
    return _figure(title, parts, ())


def shades(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    table: Sequence[Sequence[int]],
) -> str:
    """A table of counts, each row shaded by its shares: a confusion matrix."""
    size_x, size_y = (_WIDTH - 90) / len(columns), 44
    parts = []
    for at, (name, counts) in enumerate(zip(rows, table, strict=True)):
        y, total = 26 + at * size_y, max(1, sum(counts))
        parts.append(f'<text class="row" x="84" y="{y + 27}">{escape(name)}</text>')
        for column, count in enumerate(counts):
            x = 90 + column * size_x
            share = count / total
            parts.append(
                f'<rect class="cell" x="{x:.1f}" y="{y}" width="{size_x - 2:.1f}" height="{size_y - 2}"'
                f' fill-opacity="{0.06 + 0.74 * share:.3f}"/>'
                f'<text class="count" x="{x + size_x / 2:.1f}" y="{y + 20}">{count}</text>'
                f'<text class="share" x="{x + size_x / 2:.1f}" y="{y + 35}">{share:.1%}</text>'
            )
    for column, name in enumerate(columns):
        x = 90 + (column + 0.5) * size_x
        parts.append(f'<text class="name" x="{x:.1f}" y="16">{escape(name)}</text>')
    return _figure(title, parts, (), 34 + len(rows) * size_y)


def _places(points: Sequence[Point], across: Axis, up: Axis) -> Iterator[Point]:
    for x, y in points:
        yield (
            _LEFT + across.at(x) * (_WIDTH - _LEFT - 8),
            _HEIGHT - _BOTTOM - up.at(y) * (_HEIGHT - _BOTTOM - _TOP),
        )


def _axes(across: Axis, up: Axis, *, has_ticks: bool = True) -> Iterator[str]:
    bottom = _HEIGHT - _BOTTOM
    yield _stroke("axis", _LEFT, bottom, _WIDTH, bottom)
    yield _stroke("axis", _LEFT, _TOP, _LEFT, bottom)
    yield f'<text class="name" x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 6}">{escape(across.name)}</text>'
    middle = (_TOP + bottom) / 2
    yield f'<text class="name" transform="rotate(-90 12 {middle})" x="12" y="{middle}">{escape(up.name)}</text>'
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        value = up.low + share * (up.high - up.low)
        y = bottom - share * (bottom - _TOP)
        yield f'<text class="row" x="{_LEFT - 5}" y="{y + 4:.1f}">{value:.3g}</text>'
        if has_ticks:
            x = _LEFT + share * (_WIDTH - _LEFT - 8)
            value = across.low + share * (across.high - across.low)
            yield f'<text class="tick" x="{x:.1f}" y="{bottom + 14}">{value:.3g}</text>'


def _stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1}" y1="{y1:.1f}" x2="{x2}" y2="{y2:.1f}"/>'


def _figure(
    title: str, parts: Sequence[str], names: Sequence[str], height: float = _HEIGHT
) -> str:
    key = "".join(
        f'<li><i class="{_shade(number)}"></i>{escape(name)}</li>'
        for number, name in enumerate(names)
    )
    legend = f"<ul>{key}</ul>" if key else ""
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {height}">'
        f"{''.join(parts)}</svg>{legend}</figure>"
    )


def _shade(number: int) -> str:
    return f"s{number % _SERIES}"
