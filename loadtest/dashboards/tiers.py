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
    risen,
)


_OUTCOMES = "tidegate_outcomes"


ENDED = "tidegate_contacts_ended_total"
_REPEATED = "tidegate_contacts_repeated_total"
_WAIT = "tidegate_person_wait_seconds_bucket"
ASKED = 'end!="small_talk"'
BY_MACHINE = 'end="resolved", tier!="human"'


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
        "As contacts end": (
            Plot(
                "Ended within an hour, by end",
                "Each contact once, when it is over; abandoned is not resolved.",
                "none",
                (Query(risen(ENDED, ASKED, by="end", over="1h"), "{{end}}"),),
            ),
            Plot(
                "Resolved within an hour, by tier",
                "The highest tier that answered has it; human if people had it.",
                "none",
                (
                    Query(
                        risen(ENDED, 'end="resolved"', by="tier", over="1h"),
                        "{{tier}}",
                    ),
                ),
            ),
            Plot(
                "Resolved without people, of a day",
                "Deflection: of contacts with a request, what machines resolved.",
                "percentunit",
                (
                    Query(
                        f"{risen(ENDED, BY_MACHINE, by='channel')}"
                        f" / {risen(ENDED, ASKED, by='channel')}",
                        "{{channel}}",
                    ),
                ),
            ),
            Plot(
                "With people, of a day",
                "Contacts that people took from the line, or answered by a ticket.",
                "none",
                (Query(risen(ENDED, ASKED, by="people"), "{{people}}"),),
            ),
            Plot(
                "Came back, of a day",
                "Customers with another request within 7 days, by how and where the"
                " contact before ended; after resolved it was not.",
                "none",
                (Query(risen(_REPEATED, by="after, tier"), "{{after}} {{tier}}"),),
            ),
            Plot(
                "Until a person spoke, of a day",
                "From the handoff to a person's first word.",
                "s",
                tuple(
                    Query(
                        f"histogram_quantile({share}, {risen(_WAIT, by='le')})",
                        f"p{share * 100:g}",
                    )
                    for share in (0.5, 0.9)
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
