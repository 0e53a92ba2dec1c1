"""
What a dashboard is made of: boards, rows, plots, and the expressions they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple


#: Every expression looks at the chosen processes only.
OF = 'instance=~"$instance"'


class Query(NamedTuple):
    """One expression and what its lines are called."""

    expr: str
    legend: str


class Plot(NamedTuple):
    """
    One panel.

    Attributes:
        about: What a reader should conclude, shown as the panel's help.

        unit: Of Grafana's unit ids: ``s``, ``reqps``, ``percentunit``, …

        kind: ``stat`` shows the last value large, ``lines`` its course.
    """

    title: str
    about: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["stat", "lines"] = "lines"


def rate(metric: str, *, by: str, **labels: str) -> str:
    """Events a second of a counter, summed up by some of its labels."""
    where = ", ".join([OF, *(f'{name}="{value}"' for name, value in labels.items())])
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({metric}{{{where}}}[$__rate_interval]))"


def risen(metric: str, *where: str, by: str = "", over: str = "1d") -> str:
    """Events of a counter in a stretch of time, for what happens seldom."""
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (increase({metric}{{{', '.join([OF, *where])}}}[{over}]))"


def quantile(share: float, metric: str, by: str = "") -> str:
    """A quantile of a histogram, exact at the edges of its buckets."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', by=labels)})"


def quantiles(metric: str) -> tuple[Query, ...]:
    """Median and tails."""
    return tuple(
        Query(quantile(share, metric), f"p{share * 100:g}")
        for share in (0.5, 0.95, 0.99)
    )


ACK = "tidegate_ack_duration_seconds"
HANDLE = "tidegate_handle_duration_seconds"


class Board(NamedTuple):
    """
    One dashboard.

    Attributes:
        name: Of its file, and the end of its uid.

        about: What a reader finds here, shown in Grafana's list.

        rows: Title -> plots, from what matters most.
    """

    name: str
    title: str
    about: str
    rows: Mapping[str, tuple[Plot, ...]]


def gauge(how: str, metric: str, *, by: str = "", **labels: str) -> str:
    """A gauge of several processes as one, by some of its labels."""
    where = ", ".join([OF, *(f'{name}="{value}"' for name, value in labels.items())])
    summed = f"{how} by ({by})" if by else how
    return f"{summed} ({metric}{{{where}}})"
