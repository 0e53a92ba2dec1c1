"""
Closed-loop tasks while workers, store and shop are killed, judged by the shop's books.
"""

import os

import pytest
from planted_worker import planted

from gateway.config_file import load
from gateway.supervisor import Supervisor
from loadtest.l3_faults import ALL_FAULTS, run_l3_faults


pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

#: The whole promise takes longer than a laptop's patience.
FULL = os.environ.get("CI") == "true"
CUSTOMERS, STRIKES = (60, 18) if FULL else (40, 9)


def run(customers, strikes, *, faults=ALL_FAULTS, make_supervisor=Supervisor):
    return run_l3_faults(
        load(None, {}, {"router.arithmetic": "plain"}),
        customers=customers,
        strikes=strikes,
        seed=11,
        faults=faults,
        tell=lambda _: None,
        make_supervisor=make_supervisor,
    )


def test_every_action_takes_effect_once_or_not_at_all_whatever_dies():
    """Told done is done, once; not done is untouched; what nobody knows a person has."""
    report = run(CUSTOMERS, STRIKES, make_supervisor=planted("dies_in_effect"))
    assert report.findings == ()
    assert report.unacknowledged == 0
    assert report.done + report.with_people + report.refused == CUSTOMERS
    assert report.struck >= STRIKES
    assert report.done >= CUSTOMERS // 4
    # The worker that died between effect and receipt left one for certain.
    assert report.recovered > 0


@pytest.mark.parametrize(
    ("bug", "kind"),
    [
        ("key_per_attempt", "unrecorded"),
        ("intent_after_call", "early"),
        ("done_before_receipt", "untrue"),
    ],
)
def test_the_books_checker_catches_a_planted_bug(bug, kind):
    """A checker nobody has seen fail proves nothing."""
    report = run(12, 1, faults=("workers",), make_supervisor=planted(bug))
    assert report.count(kind) > 0
