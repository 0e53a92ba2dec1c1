"""
The Grafana dashboards as code; what is committed under ``configs/grafana``.

``python -m loadtest.dashboards FOLDER`` writes them again. The library that
knows Grafana's format is needed by maintainers only, so it is fenced here; a
test holds the files to this code and runs every expression on a Prometheus.
"""

from __future__ import annotations

import sys
from itertools import count
from json import dumps
from pathlib import Path
from typing import Literal, NamedTuple

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableRefresh,
)


#: Whatever data source the viewer chose.
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Every expression looks at the chosen processes only.
OF = 'instance=~"$instance"'
#: Width of a whole row of panels, in Grafana's grid.
WHOLE = 24


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


def _rate(metric: str, *, by: str, **labels: str) -> str:
    """Events a second of a counter, summed up by some of its labels."""
    where = ", ".join([OF, *(f'{name}="{value}"' for name, value in labels.items())])
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({metric}{{{where}}}[$__rate_interval]))"


def _quantile(share: float, metric: str, by: str = "") -> str:
    """A quantile of a histogram, exact at the edges of its buckets."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', by=labels)})"


def _quantiles(metric: str) -> tuple[Query, ...]:
    return tuple(
        Query(_quantile(share, metric), f"p{share * 100:g}")
        for share in (0.5, 0.95, 0.99)
    )


ACK = "tidegate_ack_duration_seconds"
HANDLE = "tidegate_handle_duration_seconds"

#: Rows of the overview, from what customers feel to what wears the machine.
OVERVIEW: dict[str, tuple[Plot, ...]] = {
    "Now": (
        Plot(
            "Messages",
            "Customer messages that reached an end, a second.",
            "reqps",
            (Query(_rate("tidegate_messages_total", by=""), "messages"),),
            "stat",
        ),
        Plot(
            "Acknowledged within 10 ms",
            "Share of messages that were on disk within the objective.",
            "percentunit",
            (
                Query(
                    f"{_rate(f'{ACK}_bucket', by='', le='0.01')}"
                    f" / {_rate(f'{ACK}_count', by='')}",
                    "within 10 ms",
                ),
            ),
            "stat",
        ),
        Plot(
            "Ended with people",
            "Share of messages that a person has to answer.",
            "percentunit",
            (
                Query(
                    f"{_rate('tidegate_messages_total', by='', outcome='queued')}"
                    f" / {_rate('tidegate_messages_total', by='')}",
                    "with people",
                ),
            ),
            "stat",
        ),
        Plot(
            "What an acknowledgement is worth",
            "Durability of the store, as probed when the process started.",
            "none",
            (
                Query(
                    f"max by (level) (tidegate_durability_level_info{{{OF}}})",
                    "{{level}}",
                ),
            ),
            "stat",
        ),
    ),
    "Messages": (
        Plot(
            "By tier",
            "Who answered. A shift upward costs money, one downward may cost trust.",
            "reqps",
            (Query(_rate("tidegate_messages_total", by="tier"), "{{tier}}"),),
        ),
        Plot(
            "By outcome",
            "Answered, handed to people, or only offered a person.",
            "reqps",
            (Query(_rate("tidegate_messages_total", by="outcome"), "{{outcome}}"),),
        ),
        Plot(
            "Accepted, by what the store said",
            "Repeats show a channel that resends; waiting shows busy conversations.",
            "reqps",
            (Query(_rate("tidegate_accepts_total", by="outcome"), "{{outcome}}"),),
        ),
    ),
    "Time": (
        Plot(
            "Until acknowledged",
            "From the decoded request until the message is on disk.",
            "s",
            _quantiles(ACK),
        ),
        Plot(
            "Until answered, p95 by tier",
            "From lease to committed reply.",
            "s",
            (Query(_quantile(0.95, HANDLE, "tier"), "{{tier}}"),),
        ),
        Plot(
            "Where the time goes",
            "Seconds spent in a stage for each second that passes.",
            "s",
            (Query(_rate("tidegate_stage_seconds_total", by="stage"), "{{stage}}"),),
        ),
    ),
    "Tiers and people": (
        Plot(
            "Handed on, by tier and reason",
            "What a tier could not do, and why.",
            "reqps",
            (
                Query(
                    _rate("tidegate_climbs_total", by="tier, reason"),
                    "{{tier}}: {{reason}}",
                ),
            ),
        ),
        Plot(
            "Handed to people, by reason",
            "Each is a conversation that waits for an operator.",
            "reqps",
            (Query(_rate("tidegate_handoffs_total", by="reason"), "{{reason}}"),),
        ),
        Plot(
            "Human queue",
            "Handoffs by state. A growing line needs people, not patience.",
            "none",
            (
                Query(
                    f"max by (shop, state) (tidegate_queue_depth{{{OF}}})",
                    "{{shop}}: {{state}}",
                ),
            ),
        ),
    ),
    "Language models": (
        Plot(
            "Calls, by tier and outcome",
            "An endpoint that fails is passed over; the tier then works without it.",
            "reqps",
            (
                Query(
                    _rate("tidegate_llm_calls_total", by="tier, endpoint, outcome"),
                    "{{tier}} {{endpoint}}: {{outcome}}",
                ),
            ),
        ),
        Plot(
            "Time of a call, p95",
            "Customers on L2 and L3 wait at least this long.",
            "s",
            (
                Query(
                    _quantile(0.95, "tidegate_llm_call_duration_seconds", "endpoint"),
                    "{{endpoint}}",
                ),
            ),
        ),
        Plot(
            "Tokens",
            "What the provider's limits and bills count, a second.",
            "none",
            (
                Query(
                    _rate("tidegate_llm_tokens_total", by="endpoint, kind"),
                    "{{endpoint}}: {{kind}}",
                ),
            ),
        ),
        Plot(
            "Cost",
            "By the configured prices, in minor units a second.",
            "none",
            (
                Query(
                    _rate("tidegate_llm_cost_minor_total", by="endpoint"),
                    "{{endpoint}}",
                ),
            ),
        ),
    ),
    "Router": (
        Plot(
            "Drift of decisions",
            "Above 0.2 customers or their words have changed: label some and train.",
            "none",
            (
                Query(
                    f"max by (locale, what) (tidegate_router_drift_psi{{{OF}}})",
                    "{{locale}}: {{what}}",
                ),
            ),
        ),
        Plot(
            "Unfamiliar to the model",
            "Share of word pieces it lacks, and of turns out of its scope.",
            "percentunit",
            (
                Query(
                    f"max by (locale, what) (tidegate_router_unfamiliar_ratio{{{OF}}})",
                    "{{locale}}: {{what}}",
                ),
            ),
        ),
        Plot(
            "Shadow model",
            "Turns the shadow would have sent elsewhere, beside those it agrees on.",
            "none",
            (
                Query(
                    f"sum by (result) (tidegate_router_shadow_turns{{{OF}}})",
                    "{{result}}",
                ),
            ),
        ),
    ),
    "Channels": (
        Plot(
            "Webhooks, by outcome",
            "Refused is not the platform; repeat is its second try.",
            "reqps",
            (
                Query(
                    _rate("tidegate_hooks_total", by="channel, outcome"),
                    "{{channel}}: {{outcome}}",
                ),
            ),
        ),
        Plot(
            "Sends to platforms, by outcome",
            "Held waits for the customer; unknown may have arrived.",
            "reqps",
            (
                Query(
                    _rate("tidegate_sends_total", by="channel, outcome, reason"),
                    "{{channel}}: {{outcome}} {{reason}}",
                ),
            ),
        ),
    ),
    "Tide": (
        Plot(
            "Rung of the ladder",
            "0 normal, 1 cheaper, 2 and 3 for few, 4 rules only.",
            "none",
            (Query(f"max (tidegate_load_rung{{{OF}}})", "rung"),),
        ),
        Plot(
            "Turns at the pools, by what became of them",
            "cursor and no_time are conversations that people or a ticket got.",
            "reqps",
            (
                Query(
                    _rate("tidegate_admissions_total", by="tier, verdict"),
                    "{{tier}}: {{verdict}}",
                ),
                Query(_rate("tidegate_merged_total", by=""), "merged"),
            ),
        ),
        Plot(
            "Waits that kept what was told",
            "Share of customers an operator reached within the p90 they were told.",
            "percentunit",
            (
                Query(
                    f'sum (tidegate_eta_waits{{{OF}, what="within"}})'
                    f' / sum (tidegate_eta_waits{{{OF}, what="told"}})',
                    "within p90",
                ),
            ),
        ),
        Plot(
            "Replies in the marketplace's time",
            "Customers' words to people answered within the shop's reply clock, today.",
            "percentunit",
            (
                Query(
                    "max by (shop) (tidegate_reply_rounds_today"
                    f'{{{OF}, result="met"}})'
                    f" / clamp_min (sum by (shop) (max by (shop, result)"
                    f" (tidegate_reply_rounds_today{{{OF}}})), 1)",
                    "{{shop}}",
                ),
            ),
        ),
        Plot(
            "Slots",
            "In use, waiting for one, and the limit that refusals move.",
            "none",
            (
                Query(
                    f"sum by (tier, what) (tidegate_pool{{{OF}}})",
                    "{{tier}}: {{what}}",
                ),
            ),
        ),
    ),
    "Trouble": (
        Plot(
            "Refused requests, by problem",
            "Rate limits and wrong keys are the callers'; internal is ours.",
            "reqps",
            (Query(_rate("tidegate_http_problems_total", by="code"), "{{code}}"),),
        ),
        Plot(
            "What should not happen",
            "Engine faults, lost leases and take-overs of silent workers.",
            "reqps",
            (
                Query(
                    _rate("tidegate_engine_faults_total", by="tier"), "fault {{tier}}"
                ),
                Query(
                    _rate("tidegate_work_lost_total", by="reason"), "lost: {{reason}}"
                ),
                Query(_rate("tidegate_takeovers_total", by=""), "taken over"),
            ),
        ),
        Plot(
            "Lateness of the event loop",
            "Above 50 ms something blocks, or the machine is full.",
            "s",
            (
                Query(
                    f"max by (instance) (tidegate_event_loop_lag_seconds{{{OF}}})",
                    "{{instance}}",
                ),
            ),
        ),
        Plot(
            "Turns in work",
            "Messages being worked on now.",
            "none",
            (
                Query(
                    f"sum by (instance) (tidegate_turns_in_flight{{{OF}}})",
                    "{{instance}}",
                ),
            ),
        ),
    ),
}


def overview() -> str:
    """The first dashboard, as the JSON that Grafana reads."""
    board = (
        grafana.Dashboard("Tidegate overview")
        .uid("tidegate-overview")
        .description("What customers feel, who answers, and what wears the machine.")
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
    for title, plots in OVERVIEW.items():
        board = board.with_row(grafana.Row(title).id(next(ids)))
        for plot in plots:
            panel = _panel(plot, WHOLE // len(plots))
            board = board.with_panel(panel.id(next(ids)))
    tree = board.build()
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


def main(argv: list[str]) -> None:
    """Entry of ``python -m loadtest.dashboards FOLDER``."""
    (folder,) = argv
    (Path(folder) / "overview.json").write_text(overview(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
