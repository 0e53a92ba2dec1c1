"""
What the policy makes of out-of-fold logits: calibration of the tier, certificates.

The policy is the router's own (:meth:`TierRouter.weigh`), fed with logits of models that
did not see the turn's group: what is proven here is proven of the router, rules
included, not of a head alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.contract import TIER_ORDER, Locale, Tier
from router_models.calibration import calibrate
from router_models.certificates import Certificate, certify
from router_models.compiled import CompiledModel, HeadSpec, Scale, Scores
from router_models.dataset import LOCALES, Example
from router_models.drift import Reference, reference
from router_models.hard_rules import HardRules
from router_models.measure import OutOfFold
from router_models.metrics import is_severe
from router_models.policy import TIERS, Prices
from router_models.router import TierRouter
from router_models.sums import Sums
from router_models.text import normalise
from router_models.thresholds import chances_of


#: The tier as the blend of heads tells it, see ``policy.blend``.
NEEDED = HeadSpec("needed", tuple(str(tier) for tier in TIERS), 0)
_UNSCALED: dict[Locale, Scale] = {"zh": Scale(), "en": Scale()}
#: A stratum with fewer turns is not worth a line.
_LEAST = 100

#: Share of all turns that may need a tool or a person and still meet a fixed text, and
#: the lowest line that is drawn for it: below, fixed texts would lose too many turns.
_TOO_LOW, _LOWEST_LINE = 0.009, 0.15


class Unseen(msgspec.Struct, frozen=True):
    """Scores of examples by models that did not see their groups."""

    examples: tuple[Example, ...]
    scores: tuple[Scores, ...]


def unseen_scores(model: CompiledModel, found: OutOfFold) -> Unseen:
    """Out-of-fold logits as the scores that serving would have made of them."""
    heads = [head for name, head in model.heads.items() if name != "intent"]
    tables = {
        head.name: chances_of(
            head, model.scales[head.name], found.logits, found.examples
        ).tolist()
        for head in heads
    }
    intents = found.logits[:, model.heads["intent"].columns].tolist()
    nothing = Sums([], np.zeros(0, np.intp), np.zeros(0, np.float32))
    scores = tuple(
        Scores({name: table[at] for name, table in tables.items()}, peaks, nothing)
        for at, peaks in enumerate(intents)
    )
    return Unseen(found.examples, scores)


def calibrate_needed(router: TierRouter, unseen: Unseen) -> dict[Locale, Scale]:
    """
    A temperature a language for the blended chance of each tier.

    Turns that a task or the wish for a person decides have no say in it.
    """
    logs, wanted, locales = [], [], []
    for example, scores in zip(unseen.examples, unseen.scores, strict=True):
        verdict = router.weigh(example.turn, scores, [])
        is_judged = not example.asks_human and not example.continues
        wanted.append(TIERS.index(example.tier) if is_judged else -1)
        logs.append(np.log(verdict.needed))
        locales.append(example.turn.locale)
    return calibrate(NEEDED, np.array(logs), np.array(wanted), np.array(locales))


def choose_beyond(router: TierRouter, unseen: Unseen) -> dict[Locale, float]:
    """
    The line of ``Thresholds.beyond_l1``, by language.

    The highest one that leaves few turns with fixed texts that they cannot settle.
    """
    found: dict[Locale, list[tuple[float, bool]]] = {locale: [] for locale in LOCALES}
    count: dict[Locale, int] = dict.fromkeys(LOCALES, 0)
    for example, scores in zip(unseen.examples, unseen.scores, strict=True):
        turn = example.turn
        count[turn.locale] += 1
        hits = router.rules.match(normalise(turn.text))
        verdict = router.weigh(turn, scores, hits)
        if verdict.tier is Tier.L1 and not verdict.continues:
            too_low = TIER_ORDER[example.tier] > TIER_ORDER[Tier.L2]
            found[turn.locale].append((sum(verdict.needed[2:]), too_low))
    return {
        locale: _beyond(found[locale], round(_TOO_LOW * count[locale]))
        for locale in LOCALES
    }


def _beyond(found: list[tuple[float, bool]], allowed: int) -> float:
    """The lowest chance that may not stay, if *allowed* turns may be too low."""
    wrong = sorted(chance for chance, too_low in found if too_low)
    line = wrong[allowed] if len(wrong) > allowed else 1.0
    return round(max(line, _LOWEST_LINE), 4)


def describe(router: TierRouter, unseen: Unseen) -> dict[Locale, Reference]:
    """What the turns look like to *router*, by language, to tell drift from."""
    seen: dict[Locale, tuple[list[float], list[Tier]]] = {
        "zh": ([], []),
        "en": ([], []),
    }
    for one, scores in zip(unseen.examples, unseen.scores, strict=True):
        peaks, tiers = seen[one.turn.locale]
        hits = router.rules.match(normalise(one.turn.text))
        peaks.append(max(scores.intents))
        tiers.append(router.weigh(one.turn, scores, hits).tier)
    return {locale: reference(*found) for locale, found in seen.items() if found[0]}


def prove(
    model: CompiledModel,
    rules: HardRules,
    prices: Sequence[Prices],
    unseen: Unseen,
) -> tuple[Certificate, ...]:
    """Certificates of every language and machine tier under each price table."""
    hits = [rules.match(normalise(one.turn.text)) for one in unseen.examples]
    found: list[Certificate] = []
    for table in prices:
        router = TierRouter(model, rules, table, "unseen")
        verdicts = [
            router.weigh(one.turn, scores, hit)
            for one, scores, hit in zip(
                unseen.examples, unseen.scores, hits, strict=True
            )
        ]
        chosen = np.array([(one.continues, one.tier) for one in verdicts], dtype=object)
        found += _of_table(table, unseen, chosen)
    return tuple(found)


def _of_table(
    prices: Prices, unseen: Unseen, chosen: NDArray[np.object_]
) -> list[Certificate]:
    peaks = np.array([max(one.intents) for one in unseen.scores])
    locales = np.array([one.turn.locale for one in unseen.examples])
    severe = np.array(
        [
            is_severe(example.tier, tier)
            for example, tier in zip(unseen.examples, chosen[:, 1], strict=True)
        ]
    )
    certificates = []
    strata: list[tuple[Locale, Tier]] = [
        (locale, tier) for locale in ("zh", "en") for tier in TIERS[:-1]
    ]
    for locale, tier in strata:
        inside = (locales == locale) & (chosen[:, 1] == tier) & (chosen[:, 0] == False)  # noqa: E712 - an array
        if inside.sum() >= _LEAST:
            one = certify(locale, tier, prices, peaks[inside], severe[inside])
            certificates += [one] if one else []
    return certificates
