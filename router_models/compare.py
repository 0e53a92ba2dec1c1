"""
Is a candidate worse than the model it would replace? Asked of every frozen suite.

A suite is small and a figure has noise: a fall counts from a margin on. Safety has
none to give: high risk found less often, or more turns severely too low, is worse.
"""

from __future__ import annotations

from collections.abc import Mapping

from router_models.evaluate import EvalReport
from router_models.registry import Comparison


#: How far a figure may fall before the candidate counts as worse.
MARGINS = {
    "tier macro-F1": 0.01,
    "high-risk recall": 0.005,
    "severe under-routing": 0.003,
}
_FALLS_ARE_GOOD = frozenset({"severe under-routing"})


def compare(
    against: str, suites: Mapping[str, tuple[EvalReport, EvalReport]]
) -> Comparison:
    """
    Put a candidate beside the model named *against*.

    Args:
        suites: By suite, the report of the candidate and of the other.
    """
    figures = {
        name: {
            figure: (value, _figures(other)[figure])
            for figure, value in _figures(candidate).items()
        }
        for name, (candidate, other) in suites.items()
    }
    reasons = [
        f"{suite}: {figure} {now:.3f} against {before:.3f}"
        for suite, found in figures.items()
        for figure, (now, before) in found.items()
        if now is not None and before is not None and _is_worse(figure, now, before)
    ]
    return Comparison(against=against, figures=figures, reasons=tuple(reasons))


def _figures(report: EvalReport) -> dict[str, float | None]:
    tier = report.overall.heads.get("tier")
    return {
        "tier macro-F1": None if tier is None else tier.macro_f1,
        "high-risk recall": report.overall.high_risk_recall,
        "severe under-routing": report.overall.severe_under_routing,
    }


def _is_worse(figure: str, now: float, before: float) -> bool:
    fall = now - before if figure in _FALLS_ARE_GOOD else before - now
    return fall > MARGINS[figure] + 1e-9
