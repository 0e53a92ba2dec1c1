"""
``tidegate assess`` on a shop whose truth is known, and ``tidegate roi``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import made_up_shop as truth
import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from gateway.insight.page import words_of


#: Stated error of the tiers' shares: the router's own, on wordings it may not know.
TIER_ERROR = 0.10


def run(*args: object) -> Result:
    """A command as a person calls it."""
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def shop() -> truth.Shop:
    return truth.make()


@pytest.fixture(scope="module")
def assessed(
    shop: truth.Shop, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """What the command prints, and the folder with its page."""
    folder = tmp_path_factory.mktemp("assess")
    file = truth.write_csv(folder / "聊天记录.csv", shop.rows, "gb18030")
    args = ("--json", "--sample", 200, "--report", folder / "page.html")
    result = run("assess", file, *args)
    assert result.exit_code == 0, result.output
    (folder / "found.json").write_text(result.stdout, encoding="utf-8")
    return json.loads(result.stdout), folder


def test_volume_and_peaks_are_recovered_exactly(
    assessed: tuple[dict[str, Any], Path], shop: truth.Shop
) -> None:
    """Counts are counted, not estimated."""
    traffic = assessed[0]["traffic"]
    extra = truth.PER_DAY * (truth.SALE_FACTOR - 1)
    assert traffic["conversations"] == shop.conversations
    assert traffic["days"] == truth.DAYS
    assert traffic["busiest_day"] == "2026-03-13"
    assert traffic["busiest_day_count"] == truth.PER_DAY + extra
    assert traffic["peak_hour"] == truth.SALE_HOUR
    assert traffic["busiest_hour_count"] >= extra
    assert traffic["per_month"] == pytest.approx(shop.conversations / truth.DAYS * 30)


def test_time_and_share_of_people_are_recovered(
    assessed: tuple[dict[str, Any], Path],
) -> None:
    """Pauses before a person's messages; a bot's replies are nobody's time."""
    traffic = assessed[0]["traffic"]
    assert traffic["human_share"] == pytest.approx(truth.BY_PEOPLE / 10, abs=0.005)
    assert traffic["handling"]["source"] == "measured"
    assert traffic["handling"]["mean_s"] == sum(truth.PAUSES_S)
    assert traffic["first_reply_s"] == truth.PAUSES_S[0]


@pytest.mark.parametrize("by", ["router", "engines"])
def test_shares_of_tiers_are_recovered_within_ten_points(
    assessed: tuple[dict[str, Any], Path], by: str
) -> None:
    """By the router, and by the engines with the demo shop's content."""
    found = assessed[0]["dry_run"][by]
    for tier, share in truth.MIX.items():
        assert found[tier] == pytest.approx(share / 1000, abs=TIER_ERROR), found
    assert sum(found.values()) == pytest.approx(1)


def test_money_follows_from_what_was_found(
    assessed: tuple[dict[str, Any], Path],
) -> None:
    """The identity of every plan, and the advised stage is the one that saves most."""
    found = assessed[0]
    plans = found["money"]["plans"]
    for plan in plans:
        spent = plan["people_then"] + plan["tiers"] + plan["fixed"]
        assert plan["saving"] == pytest.approx(plan["people_now"] - spent, abs=3)
    best = max(plans, key=lambda plan: plan["saving"])
    expected = best["stage"] if best["saving"] > 0 else ""
    assert found["advice"]["by_cost"] == expected
    assert found["advice"]["by_thresholds"] == "startup"
    assert sum(scene["share"] for scene in found["scenes"]) == pytest.approx(1)
    assert sum(scene["cost_share"] for scene in found["scenes"]) == pytest.approx(1)


def test_the_page_stands_alone_and_shows_the_mapping(
    assessed: tuple[dict[str, Any], Path],
) -> None:
    """Plots inside, columns named, no script, nothing loaded."""
    page = (assessed[1] / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 5
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=", page)
    for column in ("会话ID", "消息内容", "发送时间", "发送方"):
        assert column in page
    assert "nan" not in page.lower().replace("finance", "")


def test_both_languages_have_the_same_words() -> None:
    """Same keys and blanks; no Chinese in the English catalogue."""
    zh, en = words_of("zh"), words_of("en")
    assert zh.keys() == en.keys()
    assert not re.search(r"[\u4e00-\u9fff]", "".join(en.values()))
    for key in zh:
        assert Counter(re.findall(r"{\w+}", zh[key])) == Counter(
            re.findall(r"{\w+}", en[key])
        )


def test_roi_takes_an_assessment_and_agrees_with_it(
    assessed: tuple[dict[str, Any], Path],
) -> None:
    """The same demand gives the same money."""
    found, folder = assessed
    args = ("--from", folder / "found.json", "--report", folder / "roi.html", "--json")
    result = run("roi", *args)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["plans"] == found["money"]["plans"]
    assert "<svg" in (folder / "roi.html").read_text(encoding="utf-8")


def roi(folder: Path, *more: object) -> dict[str, Any]:
    """A shop of 30,000 conversations a month."""
    base = ("--per-month", 30_000, "--finished", 0.4, 0.2, 0.1, "--lang", "en")
    args = (*base, "--report", folder / "roi.html", "--json", *more)
    result = run("roi", *args)
    assert result.exit_code == 0, result.output
    tree: dict[str, Any] = json.loads(result.stdout)
    return tree


def test_ranges_hold_the_likely_value_and_the_tornado_is_ordered(
    tmp_path: Path,
) -> None:
    """Deciles rise; bars fall in width; a fixed assumption has no bar."""
    tree = roi(tmp_path)
    for name in ("saving", "year_net"):
        low, mid, high = tree["spread"][name]
        assert low < mid < high
    widths = [abs(bar["at_high"] - bar["at_low"]) for bar in tree["tornado"]]
    assert widths == sorted(widths, reverse=True)
    names = {bar["name"] for bar in roi(tmp_path, "--set", "durable=0.9")["tornado"]}
    assert "durable" not in names
    assert "operator_month" in names


def test_the_money_is_right_to_the_unit(tmp_path: Path) -> None:
    """Worked by hand: 30,000 x 240 s at 8,000 a month for 160 x 0.5 x 2 hours."""
    sets = ("operator_hours=160", "occupancy=0.5", "parallel=2", "handle_s=240")
    sets += ("operator_month=800000", "reach=1", "durable=1", "l1_cost=0")
    sets += ("startup_month=50000", "startup_setup=500000")
    tree = roi(tmp_path, *(f"--set={one}" for one in sets), "--stage", "startup")
    plan = tree["plans"][0]
    assert plan["people_now"] == 10_000_000
    assert plan["people_then"] == 6_000_000
    assert plan["saving"] == 3_950_000
    assert plan["payback_months"] == pytest.approx(500 / 3_950)
    assert plan["operators_freed"] == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("wages=3", "no such assumption"),
        ("durable=much", "write a number"),
        ("durable=1..2", "low..likely..high"),
        ("durable=0.9..0.5..1", "order it"),
        ("durable=1.5", "is a share"),
        ("occupancy=0", "must be above 0"),
    ],
)
def test_a_wrong_assumption_is_refused_with_the_fix(change: str, told: str) -> None:
    """Exit through an error that names the assumption."""
    result = run("roi", "--per-month", 10, "--finished", 0, 0, 0, "--set", change)
    assert result.exit_code != 0
    assert told in str(result.exception)
