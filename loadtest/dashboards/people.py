"""
The human queue: how many wait, whether promises hold, why people are needed.
"""

from __future__ import annotations

from loadtest.dashboards.panels import OF, Board, Plot, Query, gauge, rate


_RATINGS = "tidegate_ratings_total"
_ROUNDS = "tidegate_reply_rounds_today"

PEOPLE = Board(
    "people",
    "Tidegate human queue and SLA",
    "How many wait for people, whether what they were told holds, and why they come.",
    {
        "Line": (
            Plot(
                "Handoffs by state",
                "queued grows: too few people. ticketed grows: promises pile up.",
                "none",
                (
                    Query(
                        gauge("max", "tidegate_queue_depth", by="shop, state"),
                        "{{shop}}: {{state}}",
                    ),
                ),
            ),
            Plot(
                "Waiting or promised",
                "Customers to whom a person still owes something.",
                "none",
                (
                    Query(
                        "sum by (shop) (max by (shop, state) (tidegate_queue_depth"
                        f'{{{OF}, state=~"queued|offered|ticketed"}}))',
                        "{{shop}}",
                    ),
                ),
            ),
        ),
        "Promises": (
            Plot(
                "Waits within the p90 that was told",
                "Should stay near 90 %; far below, the estimate is too rosy.",
                "percentunit",
                (
                    Query(
                        f"{gauge('sum', 'tidegate_eta_waits', what='within')}"
                        f" / {gauge('sum', 'tidegate_eta_waits', what='told')}",
                        "within p90",
                    ),
                ),
            ),
            Plot(
                "Replies in the marketplace's time",
                "Share of today's rounds that people answered within the reply clock.",
                "percentunit",
                (
                    Query(
                        f'max by (shop) ({_ROUNDS}{{{OF}, result="met"}})'
                        f" / clamp_min (sum by (shop) (max by (shop, result)"
                        f" ({_ROUNDS}{{{OF}}})), 1)",
                        "{{shop}}",
                    ),
                ),
            ),
        ),
        "Ratings": (
            Plot(
                "Ratings of 4 and 5",
                "Share of the last day's ratings; falling while nothing else moves: read"
                " the talks.",
                "percentunit",
                (
                    Query(
                        f'sum by (shop) (increase({_RATINGS}{{{OF}, score=~"4|5"}}[1d]))'
                        f" / sum by (shop) (increase({_RATINGS}{{{OF}}}[1d]))",
                        "{{shop}}",
                    ),
                ),
            ),
            Plot(
                "Ratings by score",
                "Of the last day: 1 is the worst.",
                "none",
                (
                    Query(
                        f"sum by (score) (increase({_RATINGS}{{{OF}}}[1d]))",
                        "{{score}}",
                    ),
                ),
            ),
        ),
        "Why": (
            Plot(
                "Handed to people, by reason",
                "asked_human is a wish; busy is overload; the rest is what tiers lack.",
                "reqps",
                (Query(rate("tidegate_handoffs_total", by="reason"), "{{reason}}"),),
            ),
            Plot(
                "Share of messages that go to people",
                "What a shop's people must be able to carry.",
                "percentunit",
                (
                    Query(
                        f"{rate('tidegate_messages_total', by='', outcome='queued')}"
                        f" / {rate('tidegate_messages_total', by='')}",
                        "with people",
                    ),
                ),
            ),
        ),
    },
)
