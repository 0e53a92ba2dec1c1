"""
The day of a sale: what comes in, what admission does with it, what customers feel.
"""

from __future__ import annotations

from loadtest.dashboards.panels import ACK, Board, Plot, Query, gauge, quantiles, rate


SALE = Board(
    "sale",
    "Tidegate overload and sale",
    "What comes in, what admission lets through, and what customers feel meanwhile.",
    {
        "Tide": (
            Plot(
                "Accepted",
                "Messages on disk, a second: the tide itself.",
                "reqps",
                (Query(rate("tidegate_accepts_total", by="channel"), "{{channel}}"),),
            ),
            Plot(
                "Rung of the ladder",
                "0 normal, 1 cheaper, 2 and 3 for few, 4 rules only.",
                "none",
                (Query(gauge("max", "tidegate_load_rung"), "rung"),),
            ),
        ),
        "Admission": (
            Plot(
                "Turns at the pools",
                "cursor and no_time are conversations that people or a ticket got.",
                "reqps",
                (
                    Query(
                        rate("tidegate_admissions_total", by="tier, verdict"),
                        "{{tier}}: {{verdict}}",
                    ),
                ),
            ),
            Plot(
                "Slots",
                "In use, waiting for one, and the limit that refusals move.",
                "none",
                (
                    Query(
                        gauge("sum", "tidegate_pool", by="tier, what"),
                        "{{tier}}: {{what}}",
                    ),
                ),
            ),
            Plot(
                "Merged nudges",
                "Impatient repeats that cost no turn of their own.",
                "reqps",
                (Query(rate("tidegate_merged_total", by=""), "merged"),),
            ),
        ),
        "What customers feel": (
            Plot(
                "Until acknowledged",
                "Must hold through the spike: nothing on disk, nothing promised.",
                "s",
                quantiles(ACK),
            ),
            Plot(
                "Refused at the door",
                "rate_limited is the caller; store_unavailable is ours.",
                "reqps",
                (Query(rate("tidegate_http_problems_total", by="code"), "{{code}}"),),
            ),
            Plot(
                "Line and tickets",
                "Where overload ends: people and promises.",
                "none",
                (
                    Query(
                        gauge("max", "tidegate_queue_depth", by="shop, state"),
                        "{{shop}}: {{state}}",
                    ),
                ),
            ),
        ),
    },
)
