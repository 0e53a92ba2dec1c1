"""
The first dashboard: what customers feel, who answers, what wears the machine.
"""

from __future__ import annotations

from loadtest.dashboards.panels import (
    ACK,
    HANDLE,
    OF,
    Board,
    Plot,
    Query,
    quantile,
    quantiles,
    rate,
)


#: Rows of the overview, from what customers feel to what wears the machine.
ROWS: dict[str, tuple[Plot, ...]] = {
    "Now": (
        Plot(
            "Messages",
            "Customer messages that reached an end, a second.",
            "reqps",
            (Query(rate("tidegate_messages_total", by=""), "messages"),),
            "stat",
        ),
        Plot(
            "Acknowledged within 10 ms",
            "Share of messages that were on disk within the objective.",
            "percentunit",
            (
                Query(
                    f"{rate(f'{ACK}_bucket', by='', le='0.01')}"
                    f" / {rate(f'{ACK}_count', by='')}",
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
                    f"{rate('tidegate_messages_total', by='', outcome='queued')}"
                    f" / {rate('tidegate_messages_total', by='')}",
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
            (Query(rate("tidegate_messages_total", by="tier"), "{{tier}}"),),
        ),
        Plot(
            "By outcome",
            "Answered, handed to people, or only offered a person.",
            "reqps",
            (Query(rate("tidegate_messages_total", by="outcome"), "{{outcome}}"),),
        ),
        Plot(
            "Accepted, by what the store said",
            "Repeats show a channel that resends; waiting shows busy conversations.",
            "reqps",
            (Query(rate("tidegate_accepts_total", by="outcome"), "{{outcome}}"),),
        ),
    ),
    "Time": (
        Plot(
            "Until acknowledged",
            "From the decoded request until the message is on disk.",
            "s",
            quantiles(ACK),
        ),
        Plot(
            "Until answered, p95 by tier",
            "From lease to committed reply.",
            "s",
            (Query(quantile(0.95, HANDLE, "tier"), "{{tier}}"),),
        ),
        Plot(
            "Where the time goes",
            "Seconds spent in a stage for each second that passes.",
            "s",
            (Query(rate("tidegate_stage_seconds_total", by="stage"), "{{stage}}"),),
        ),
    ),
    "Tiers and people": (
        Plot(
            "Handed on, by tier and reason",
            "What a tier could not do, and why.",
            "reqps",
            (
                Query(
                    rate("tidegate_climbs_total", by="tier, reason"),
                    "{{tier}}: {{reason}}",
                ),
            ),
        ),
        Plot(
            "Handed to people, by reason",
            "Each is a conversation that waits for an operator.",
            "reqps",
            (Query(rate("tidegate_handoffs_total", by="reason"), "{{reason}}"),),
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
                    rate("tidegate_llm_calls_total", by="tier, endpoint, outcome"),
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
                    quantile(0.95, "tidegate_llm_call_duration_seconds", "endpoint"),
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
                    rate("tidegate_llm_tokens_total", by="endpoint, kind"),
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
                    rate("tidegate_llm_cost_minor_total", by="endpoint"),
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
                    rate("tidegate_hooks_total", by="channel, outcome"),
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
                    rate("tidegate_sends_total", by="channel, outcome, reason"),
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
                    rate("tidegate_admissions_total", by="tier, verdict"),
                    "{{tier}}: {{verdict}}",
                ),
                Query(rate("tidegate_merged_total", by=""), "merged"),
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
            (Query(rate("tidegate_http_problems_total", by="code"), "{{code}}"),),
        ),
        Plot(
            "What should not happen",
            "Engine faults, lost leases and take-overs of silent workers.",
            "reqps",
            (
                Query(
                    rate("tidegate_engine_faults_total", by="tier"), "fault {{tier}}"
                ),
                Query(
                    rate("tidegate_work_lost_total", by="reason"), "lost: {{reason}}"
                ),
                Query(rate("tidegate_takeovers_total", by=""), "taken over"),
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

OVERVIEW = Board(
    "overview",
    "Tidegate overview",
    "What customers feel, who answers, and what wears the machine.",
    ROWS,
)
