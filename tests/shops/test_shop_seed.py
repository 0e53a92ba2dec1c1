"""
The seed of the demo shop: rich enough, consistent, and strictly read.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from demo_shop import KEY, DemoShop
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import yamlfile
from engines.shops.demo import bench, seed
from engines.shops.port import ShopPort


pytestmark = pytest.mark.anyio
by_http = pytest.mark.parametrize("shop", ["http"], indirect=True)

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "engines/shops/demo/catalog.yaml"
SEED = ROOT / "engines/shops/demo/seed.yaml"
FACTS = ROOT / "configs/knowledge/demo/facts.yaml"


def test_seed_has_every_kind_of_order_and_customer() -> None:
    """Both languages, every status, several channels, coupons, points, gifts, parcels."""
    _, content = seed.load(CATALOGUE, SEED)
    assert len(content.customers) >= 8
    assert len(content.orders) >= 24
    assert {customer.locale for customer in content.customers} == {"zh", "en"}
    statuses = Counter(order.status for order in content.orders)
    assert set(statuses) == {
        "unpaid",
        "paid",
        "shipped",
        "delivered",
        "completed",
        "cancelled",
    }
    assert len({order.channel for order in content.orders}) >= 3
    assert any(order.points for order in content.orders)
    assert any(order.coupon for order in content.orders)
    assert any(line.is_gift for order in content.orders for line in order.lines)
    assert any(order.parcel for order in content.orders)
    assert {refund.status for order in content.orders for refund in order.refunds} == {
        "awaiting_return",
        "processing",
        "paid_back",
    }


def test_seed_says_what_the_knowledge_says() -> None:
    """Freight, free shipping and return address are those of the shop's facts."""
    _, content = seed.load(CATALOGUE, SEED)
    facts = yamlfile.read(FACTS).data
    near, far = content.freight
    for row, fact in ((near, "freight_base"), (far, "freight_remote")):
        first, further = row.first_kg // 100, row.next_kg // 100
        assert (
            f"首重 1 公斤 {first} 元" in facts[fact]["zh"]
            or f"首重 {first} 元" in facts[fact]["zh"]
        )
        assert f"续重每公斤 {further} 元" in facts[fact]["zh"]
        assert row.free_from == int(facts["free_shipping_from"]["zh"]) * 100
    for region in far.regions:
        assert region.zh in facts["freight_remote"]["zh"]
        assert region.en in facts["freight_remote"]["en"]
    assert content.facts.return_address.zh == facts["return_address"]["zh"]
    assert content.facts.return_address.en == facts["return_address"]["en"]


@by_http
async def test_every_order_adds_up(shop: ShopPort, demo: DemoShop) -> None:
    """What was paid is goods less coupon and points plus the table's freight."""
    for (user,) in demo.sql("SELECT id FROM customers"):
        for order in await shop.orders(user):
            goods = sum(
                line.unit_price_minor * line.quantity
                for line in order.lines
                if not line.is_gift
            )
            weight = sum(line.weight_g * line.quantity for line in order.lines)
            freight = await shop.quote_freight(order.address.region, weight, goods)
            total = goods - order.coupon_minor - order.points_minor + freight
            is_paid = order.status != "unpaid" and order.id != "K3011"
            assert order.freight_minor == freight, order.id
            assert order.paid_minor == (total if is_paid else 0), order.id
            assert order.refunded_minor <= order.paid_minor
            assert order.coupon_threshold_minor <= goods
            if order.tracking_id:
                parcel = await shop.parcel(user, order.id)
                times = [moment for moment, _, _ in parcel.events]
                assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("region", "weight_g", "goods_minor", "freight"),
    [
        ("浙江", 0, 0, 800),
        ("浙江", 1000, 9899, 800),
        ("浙江", 1001, 9899, 1100),
        ("浙江", 3200, 5000, 1700),
        ("浙江", 99_000, 9900, 0),
        ("新疆", 1000, 5000, 1800),
        ("Xinjiang", 1700, 8900, 3000),
        ("Hainan", 2001, 8900, 4200),
        ("海南", 2001, 9900, 0),
    ],
)
@by_http
async def test_freight_by_region_and_weight_steps(
    shop: ShopPort, region: str, weight_g: int, goods_minor: int, freight: int
) -> None:
    """First kilogram, each started further one, free from the threshold on."""
    assert await shop.quote_freight(region, weight_g, goods_minor) == freight


@pytest.mark.parametrize(
    ("old", "new", "line", "hint"),
    [
        ("status: paid", "status: payed", 62, "paid"),
        ("customer: c1001", "customer: c9999", 61, "add it to customers"),
        ("sku: TS-13", "sku: TS-99", 67, "add it to the catalogue"),
        ("hours_ago: 20", "hour_ago: 20", 63, "hours_ago"),
    ],
)
def test_wrong_seed_names_line_and_fix(
    tmp_path: Path, old: str, new: str, line: int, hint: str
) -> None:
    """A mistake in the seed is reported where it stands, with what to do."""
    text = SEED.read_text("utf-8")
    (tmp_path / "seed.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(yamlfile.BadFile) as caught:
        seed.load(CATALOGUE, tmp_path / "seed.yaml")
    [problem] = caught.value.problems
    assert hint in str(problem)
    at = text.splitlines()
    assert old in at[problem.line - 1] or line == problem.line


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_seed_loads_or_is_a_bad_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any damage to the file is a BadFile or still a seed; nothing else is raised."""
    lines = SEED.read_text("utf-8").splitlines()[48:75]
    head = "facts:\n  return_address: {zh: a, en: b}\nfreight: []\n"
    text = head + "\n".join(lines)
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 30))
    junk = data.draw(st.text(max_size=12))
    path = tmp_path_factory.mktemp("seed") / "seed.yaml"
    path.write_bytes((text[:at] + junk + text[at + cut :]).encode("utf-8", "replace"))
    problems: tuple[yamlfile.Problem, ...] = ()
    try:
        seed.load(CATALOGUE, path)
    except yamlfile.BadFile as exc:
        problems = exc.problems
    assert all(problem.line >= 1 and problem.text for problem in problems)


def test_key_is_not_in_the_open(demo: DemoShop) -> None:
    """The bearer key stands in no answer of the service."""
    import httpx

    for path in ("/healthz", "/docs/openapi.json", "/v1/products"):
        assert KEY not in httpx.get(f"{demo.url}{path}").text


def test_the_bench_empties_every_table_there_is() -> None:
    """A table it does not know would keep rows of the run before."""
    schema = (ROOT / "engines" / "shops" / "demo" / "schema.sql").read_text("utf-8")
    made = re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", schema)
    assert set(made) == set(bench.TABLES)
