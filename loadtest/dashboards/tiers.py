"""
What each tier answers, how fast, how well it lasts, and what it costs.
"""

from __future__ import annotations

from loadtest.dashboards.panels import (
    HANDLE,
    Board,
    Plot,
    Query,
    gauge,
    quantile,
    rate,
)


_OUTCOMES = "tidegate_outcomes"


def _outcome(pattern: str) -> str:
    """Contacts of the last count whose name matches."""
    return (
        f'max by (shop, what) ({_OUTCOMES}{{instance=~"$instance", what=~"{pattern}"}})'
    )


TIERS = Board(
    "tiers",
    "Tidegate tiers and cost",
    "What each tier answers, whether it lasts, and what language models cost.",
    {
        "Outcomes of 30 days": (
            Plot(
                "Resolved, by tier",
                "Nothing was left open and nobody came back angry; see the definitions.",
                "none",
                (Query(_outcome("resolved_.*"), "{{shop}}: {{what}}"),),
            ),
            Plot(
                "Durable and reopened",
                "Whether the customer came back within 7 days with any request.",
                "none",
                (Query(_outcome("(durable|reopened)_.*"), "{{shop}}: {{what}}"),),
            ),
            Plot(
                "Not resolved",
                "Abandoned is not resolved; unanswered must be 0.",
                "none",
                (
                    Query(
                        _outcome("abandoned|unsatisfied|unanswered|handed_over"),
                        "{{shop}}: {{what}}",
                    ),
                ),
            ),
            Plot(
                "Base",
                "What the others are shares of: requests, customers, not over yet.",
                "none",
                (
                    Query(
                        _outcome("eligible|involved|customers|open"),
                        "{{shop}}: {{what}}",
                    ),
                ),
            ),
        ),
        "Answers": (
            Plot(
                "By tier",
                "Who answered, a second.",
                "reqps",
                (Query(rate("tidegate_messages_total", by="tier"), "{{tier}}"),),
            ),
            Plot(
                "Median time by tier",
                "From lease to committed reply.",
                "s",
                (Query(quantile(0.5, HANDLE, "tier"), "{{tier}}"),),
            ),
            Plot(
                "p99 time by tier",
                "The slowest hundredth; a deadline shows as a plateau.",
                "s",
                (Query(quantile(0.99, HANDLE, "tier"), "{{tier}}"),),
            ),
        ),
        "Language models": (
            Plot(
                "Cost an hour",
                "At this moment's rate, by the configured prices, minor units.",
                "none",
                (
                    Query(
                        f"3600 * {rate('tidegate_llm_cost_minor_total', by='endpoint')}",
                        "{{endpoint}}",
                    ),
                ),
            ),
            Plot(
                "Tokens a minute",
                "Against the provider's limit.",
                "none",
                (
                    Query(
                        f"60 * {rate('tidegate_llm_tokens_total', by='endpoint, kind')}",
                        "{{endpoint}}: {{kind}}",
                    ),
                ),
            ),
            Plot(
                "Slots of the tiers",
                "In use, waiting, and the limit.",
                "none",
                (
                    Query(
                        gauge("sum", "tidegate_pool", by="tier, what"),
                        "{{tier}}: {{what}}",
                    ),
                ),
            ),
        ),
    },
)
