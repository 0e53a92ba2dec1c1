"""
Boards as the JSON that Grafana reads.

The library that knows Grafana's format is needed by maintainers only, so it is
fenced here.
"""

from __future__ import annotations

from itertools import count
from json import dumps

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableRefresh,
)

from loadtest.dashboards.panels import Board, Plot, Query


#: Whatever data source the viewer chose.
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Width of a whole row of panels, in Grafana's grid.
WHOLE = 24


def text_of(board: Board) -> str:
    """The file of *board*."""
    built = (
        grafana.Dashboard(board.title)
        .uid(f"tidegate-{board.name}")
        .description(board.about)
        .tags(["tidegate"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .with_variable(_sources())
        .with_variable(_instances())
    )
    ids = count(1)
    for title, plots in board.rows.items():
        built = built.with_row(grafana.Row(title).id(next(ids)))
        for plot in plots:
            panel = _panel(plot, WHOLE // len(plots))
            built = built.with_panel(panel.id(next(ids)))
    tree = built.build()
    return dumps(tree, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _sources() -> grafana.DatasourceVariable:
    return grafana.DatasourceVariable("datasource").label("Source").type("prometheus")


def _instances() -> grafana.QueryVariable:
    return (
        grafana.QueryVariable("instance")
        .label("Process")
        .datasource(SOURCE)
        .query("label_values(tidegate_turns_in_flight, instance)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _panel(plot: Plot, width: int) -> stat.Panel | timeseries.Panel:
    panel: stat.Panel | timeseries.Panel
    if plot.kind == "stat":
        panel = stat.Panel().color_mode(BigValueColorMode.NONE).height(4)
    else:
        panel = timeseries.Panel().fill_opacity(8).line_width(1).height(8)
    panel = panel.title(plot.title).description(plot.about).unit(plot.unit).min(0)
    for name, query in zip("ABCDEFG", plot.queries, strict=False):
        panel = panel.with_target(_target(name, query))
    return panel.datasource(SOURCE).span(width)


def _target(name: str, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend)
    return target.ref_id(name).range()
