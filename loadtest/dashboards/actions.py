"""
What the agent did to business systems, as the ledger has it.
"""

from __future__ import annotations

from loadtest.dashboards.panels import HANDLE, Board, Plot, Query, rate


_ACTIONS = "tidegate_actions_total"

ACTIONS = Board(
    "actions",
    "Tidegate agent actions",
    "Actions by recipe and state of the ledger; what is unknown belongs to a person.",
    {
        "Ledger": (
            Plot(
                "Moves, by state",
                "proposed, confirmed, executing, done: each action passes them once.",
                "reqps",
                (Query(rate(_ACTIONS, by="state"), "{{state}}"),),
            ),
            Plot(
                "Done, by recipe",
                "Tasks that took effect, with a receipt of the shop.",
                "reqps",
                (Query(rate(_ACTIONS, by="recipe", state="done"), "{{recipe}}"),),
            ),
            Plot(
                "Unknown and failed, by recipe",
                "unknown goes to a person; more than a few mean the shop's system ails.",
                "reqps",
                (
                    Query(
                        rate(_ACTIONS, by="recipe, state", state="unknown"),
                        "{{recipe}}: {{state}}",
                    ),
                    Query(
                        rate(_ACTIONS, by="recipe, state", state="failed"),
                        "{{recipe}}: {{state}}",
                    ),
                ),
            ),
        ),
        "Agent": (
            Plot(
                "Time of a turn on L3",
                "Confirmation is a turn of its own; look-ups and steps are in it.",
                "s",
                tuple(
                    Query(
                        f"histogram_quantile({share},"
                        f" {rate(f'{HANDLE}_bucket', by='le', tier='L3')})",
                        f"p{share * 100:g}",
                    )
                    for share in (0.5, 0.95)
                ),
            ),
            Plot(
                "What L3 hands on",
                "policy and unknown_outcome are right; fault and deadline are not.",
                "reqps",
                (
                    Query(
                        rate("tidegate_climbs_total", by="reason", tier="L3"),
                        "{{reason}}",
                    ),
                ),
            ),
        ),
    },
)
