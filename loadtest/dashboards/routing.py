"""
Whether turns go where they belong, and whether customers have changed.
"""

from __future__ import annotations

from loadtest.dashboards.panels import Board, Plot, Query, gauge, rate


_MESSAGES = "tidegate_messages_total"

ROUTING = Board(
    "routing",
    "Tidegate routing",
    "Who gets which turn, what tiers hand on, and drift against calibration.",
    {
        "Decisions": (
            Plot(
                "Share by tier",
                "A slow shift is customers changing; a step is a new model or stage.",
                "percentunit",
                (
                    Query(
                        f"{rate(_MESSAGES, by='tier')}"
                        f" / on () group_left () {rate(_MESSAGES, by='')}",
                        "{{tier}}",
                    ),
                ),
            ),
            Plot(
                "Not understood",
                "Share of messages that only got the offer of a person.",
                "percentunit",
                (
                    Query(
                        f"({rate(_MESSAGES, by='', outcome='fallback')} or vector(0))"
                        f" / {rate(_MESSAGES, by='')}",
                        "not understood",
                    ),
                ),
            ),
        ),
        "Handed on": (
            Plot(
                "By tier and reason",
                "no_match asks for content, low_confidence for review, busy for room.",
                "reqps",
                (
                    Query(
                        rate("tidegate_climbs_total", by="tier, reason"),
                        "{{tier}}: {{reason}}",
                    ),
                ),
            ),
        ),
        "Drift": (
            Plot(
                "Decisions against calibration",
                "Above 0.2 customers or their words have changed: label and train.",
                "none",
                (
                    Query(
                        gauge("max", "tidegate_router_drift_psi", by="locale, what"),
                        "{{locale}}: {{what}}",
                    ),
                ),
            ),
            Plot(
                "Unfamiliar words and turns",
                "What the model has never seen; new products show here first.",
                "percentunit",
                (
                    Query(
                        gauge(
                            "max",
                            "tidegate_router_unfamiliar_ratio",
                            by="locale, what",
                        ),
                        "{{locale}}: {{what}}",
                    ),
                ),
            ),
            Plot(
                "Shadow model",
                "missed_risk must stay 0 before a shadow is promoted.",
                "none",
                (
                    Query(
                        gauge("sum", "tidegate_router_shadow_turns", by="result"),
                        "{{result}}",
                    ),
                ),
            ),
        ),
    },
)
