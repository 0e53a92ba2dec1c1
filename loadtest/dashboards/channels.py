"""
Each channel by itself: what comes, what goes, what platforms refuse.
"""

from __future__ import annotations

from loadtest.dashboards.panels import ACK, Board, Plot, Query, quantile, rate


CHANNELS = Board(
    "channels",
    "Tidegate channels",
    "What comes in and goes out by channel, and what platforms refuse.",
    {
        "In": (
            Plot(
                "Messages by channel",
                "A channel that falls silent while others do not is broken.",
                "reqps",
                (Query(rate("tidegate_messages_total", by="channel"), "{{channel}}"),),
            ),
            Plot(
                "p99 until acknowledged",
                "Platforms resend what is not acknowledged in time.",
                "s",
                (Query(quantile(0.99, ACK, "channel"), "{{channel}}"),),
            ),
            Plot(
                "Repeats",
                "Share of messages that came before; platforms that time out resend.",
                "percentunit",
                (
                    Query(
                        f"{rate('tidegate_accepts_total', by='channel', outcome='repeat')}"
                        f" / {rate('tidegate_accepts_total', by='channel')}",
                        "{{channel}}",
                    ),
                ),
            ),
        ),
        "Platforms": (
            Plot(
                "Webhooks, by outcome",
                "Refused is not the platform; repeat is its second try.",
                "reqps",
                (
                    Query(
                        rate("tidegate_hooks_total", by="channel, outcome"),
                        "{{channel}}: {{outcome}}",
                    ),
                ),
            ),
            Plot(
                "Sends, by outcome and reason",
                "Held waits for the customer; unknown may have arrived.",
                "reqps",
                (
                    Query(
                        rate("tidegate_sends_total", by="channel, outcome, reason"),
                        "{{channel}}: {{outcome}} {{reason}}",
                    ),
                ),
            ),
        ),
    },
)
