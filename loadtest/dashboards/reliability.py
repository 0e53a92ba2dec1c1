"""
What should not happen, and what wears the machine.
"""

from __future__ import annotations

from loadtest.dashboards.panels import ACK, Board, Plot, Query, gauge, rate


RELIABILITY = Board(
    "reliability",
    "Tidegate reliability",
    "Durability, take-overs, faults, lateness: what should stay at zero.",
    {
        "Promise": (
            Plot(
                "Durability",
                "What an acknowledgement is worth, as probed at the start.",
                "none",
                (
                    Query(
                        gauge("max", "tidegate_durability_level_info", by="level"),
                        "{{level}}",
                    ),
                ),
                "stat",
            ),
            Plot(
                "Acknowledged within 50 ms",
                "Share of messages; below 99 % the disk or the loop is late.",
                "percentunit",
                (
                    Query(
                        f"{rate(f'{ACK}_bucket', by='', le='0.05')}"
                        f" / {rate(f'{ACK}_count', by='')}",
                        "within 50 ms",
                    ),
                ),
                "stat",
            ),
        ),
        "Faults": (
            Plot(
                "Engine faults",
                "Exceptions that nobody foresaw; the turn went to a person.",
                "reqps",
                (Query(rate("tidegate_engine_faults_total", by="tier"), "{{tier}}"),),
            ),
            Plot(
                "Work lost and taken over",
                "A worker that went silent; its messages were answered by another.",
                "reqps",
                (
                    Query(
                        rate("tidegate_work_lost_total", by="reason"),
                        "lost: {{reason}}",
                    ),
                    Query(rate("tidegate_takeovers_total", by=""), "taken over"),
                ),
            ),
            Plot(
                "Refused requests",
                "internal is ours, store_unavailable the store's.",
                "reqps",
                (Query(rate("tidegate_http_problems_total", by="code"), "{{code}}"),),
            ),
        ),
        "Machine": (
            Plot(
                "Lateness of the event loop",
                "Above 50 ms something blocks, or the machine is full.",
                "s",
                (
                    Query(
                        gauge("max", "tidegate_event_loop_lag_seconds", by="instance"),
                        "{{instance}}",
                    ),
                ),
            ),
            Plot(
                "Turns in work",
                "Grows without bound if an engine hangs.",
                "none",
                (
                    Query(
                        gauge("sum", "tidegate_turns_in_flight", by="instance"),
                        "{{instance}}",
                    ),
                ),
            ),
            Plot(
                "Where the time goes",
                "Seconds spent in a stage of the path for each second that passes.",
                "s",
                (Query(rate("tidegate_stage_seconds_total", by="stage"), "{{stage}}"),),
            ),
        ),
    },
)
