"""
What customers come for: scenes by frequency and by what they cost people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from engines.contract import Tier
from gateway.insight.dry_run import Tried
from gateway.insight.traffic import worked_s


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """
    One matter that customers come with.

    Attributes:
        share: Of all conversations.

        cost_month: What people cost for it, minor units a month; None without a volume.

        cost_share: Of the whole time of people.

        by_tier: Share of its conversations that the dry run ended on each tier.

        example: A customer's first words in it, personal data masked.
    """

    name: str
    conversations: int
    share: float
    cost_month: int | None
    cost_share: float
    by_tier: dict[str, float]
    example: str


def rank(
    tried: Sequence[Tried],
    mean_s: float,
    month_cost: float | None,
    mask: Callable[[str], str],
) -> list[Scene]:
    """
    The scenes of a sample, costliest first.

    Args:
        mean_s: Handling time of a conversation whose own is not known.

        month_cost: What people cost in a month.

        mask: Masks personal data.
    """
    groups: defaultdict[str, list[Tried]] = defaultdict(list)
    for one in tried:
        groups[one.scene or "other"].append(one)
    seconds = {
        name: sum(_people_s(one, mean_s) for one in group)
        for name, group in groups.items()
    }
    whole = sum(seconds.values()) or 1.0
    scenes = [
        Scene(
            name=name,
            conversations=len(group),
            share=len(group) / len(tried),
            cost_month=None
            if month_cost is None
            else round(month_cost * seconds[name] / whole),
            cost_share=seconds[name] / whole,
            by_tier={
                str(tier): sum(one.engines is tier for one in group) / len(group)
                for tier in Tier
            },
            example=mask(_first_words(group[0])),
        )
        for name, group in groups.items()
    ]
    return sorted(scenes, key=lambda one: (-one.cost_share, -one.share, one.name))


def _people_s(one: Tried, mean_s: float) -> float:
    """Seconds of people that a conversation took."""
    transcript = one.transcript
    if transcript.has_customer_only:
        return mean_s
    if not transcript.has_operator:
        return 0.0
    if transcript.handled_s is not None:
        return transcript.handled_s
    return worked_s(transcript) or mean_s


def _first_words(one: Tried) -> str:
    lines = one.transcript.lines
    text = next((line.text for line in lines if line.speaker == "customer"), "")
    return " ".join(text.split())[:120]


def frequent_share(scenes: Sequence[Scene], at_least: float) -> float:
    """Share of conversations in scenes that have at least that share each."""
    return sum(one.share for one in scenes if one.share >= at_least)


def costly(scenes: Sequence[Scene], share: float) -> tuple[list[Scene], float]:
    """The costliest *share* of the scenes, at least one, and their part of the cost."""
    count = max(1, round(len(scenes) * share)) if scenes else 0
    top = list(scenes[:count])
    return top, sum(one.cost_share for one in top)
