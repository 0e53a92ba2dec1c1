"""
Three weeks of a shop whose truth is known: everything in it was planted here.
"""

from __future__ import annotations

import csv
import random
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape


#: What customers say, by the tier that the labels' page names for it.
SAID = {
    "L1": ("多久发货", "你们什么时候发货呀", "支持七天无理由退货吗", "可以开发票吗", "what is your return policy"),
    "L2": ("我的快递到哪了", "帮我查下物流到哪里了", "我的订单现在什么状态", "where is my parcel"),
    "L3": ("第2件退掉其他保留", "帮我改下收货地址", "把我这两个订单合并发货", "change my shipping address"),
    "human": ("转人工", "你们卖假货，我要去12315投诉你们", "I want to talk to a real person"),
}  # fmt: skip
#: Shares of conversations, in tenths of a percent.
MIX = {"L1": 500, "L2": 250, "L3": 150, "human": 100}
DAYS = 21
PER_DAY = 40
#: The sale: this day has five times as many, all extra at this hour.
SALE_DAY = 11
SALE_HOUR = 20
SALE_FACTOR = 5
#: Of every ten conversations so many had a person; the rest a bot.
BY_PEOPLE = 7
#: Pauses before the two replies of a person.
PAUSES_S = (60, 120)
FIRST = datetime(2026, 3, 2)


class Shop(NamedTuple):
    """Rows of the export, and how many conversations are in it."""

    rows: list[dict[str, str]]
    conversations: int


def make(seed: int = 7) -> Shop:
    """An export under Chinese column names."""
    chance = random.Random(seed)
    rows: list[dict[str, str]] = []
    number = 0
    tiers = [tier for tier, share in MIX.items() for _ in range(share // 10)]
    for day in range(DAYS):
        count = PER_DAY * (SALE_FACTOR if day == SALE_DAY else 1)
        for nth in range(count):
            hour = SALE_HOUR if nth >= PER_DAY else 9 + nth % 12
            at = FIRST + timedelta(days=day, hours=hour, minutes=chance.randrange(50))
            tier = tiers[number % len(tiers)]
            rows += talk(f"c{number}", at, tier, number, chance)
            number += 1
    chance.shuffle(rows)
    return Shop(rows, number)


def talk(
    name: str, at: datetime, tier: str, number: int, chance: random.Random
) -> list[dict[str, str]]:
    """One question and two replies, by a person or by a bot."""
    by = "客服" if number % 10 < BY_PEOPLE else "机器人"
    said = [("买家", chance.choice(SAID[tier])), (by, "亲，在的"), (by, "这边帮您看下")]
    rows = []
    for pause, (who, text) in zip((0, *PAUSES_S), said, strict=True):
        at += timedelta(seconds=pause)
        row = {"会话ID": name, "发送方": who, "消息内容": text, "备注": ""}
        rows.append(row | {"发送时间": f"{at:%Y/%m/%d %H:%M:%S}"})
    return rows


def write_csv(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    """The rows as a spreadsheet program exports them."""
    with path.open("w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


_OFFICE = "http://schemas.openxmlformats.org"
_SHEETS = f'xmlns="{_OFFICE}/spreadsheetml/2006/main"'
_LINKS = f"{_OFFICE}/officeDocument/2006/relationships"


def write_xlsx(path: Path, *sheets: list[list[str | float]]) -> Path:
    """A workbook with these sheets, as small as the format allows."""
    numbers = range(1, len(sheets) + 1)
    names = "".join(
        f'<sheet name="s{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_OFFICE}/package/2006/content-types"/>',
        "_rels/.rels": _links([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook {_SHEETS} xmlns:r="{_LINKS}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _links(
            [("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
        ),
    }
    for n, rows in zip(numbers, sheets, strict=True):
        cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        sheet = f"<worksheet {_SHEETS}><sheetData>{cells}</sheetData></worksheet>"
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def _links(targets: list[tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="rId{n}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    names = f"{_OFFICE}/package/2006/relationships"
    return f'<Relationships xmlns="{names}">{inner}</Relationships>'
