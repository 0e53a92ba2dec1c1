"""
Tools for people who work on packs: ``python -m engines.rules COMMAND``.

    measure PACK FACTS     microseconds per message on this machine
    schemas FOLDER         write the schemas of packs and voices for editors
    try PACK FACTS         read messages from standard input, say what is found
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from engines import voice
from engines.contract import Locale
from engines.rules import pack
from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match


#: Messages that are in no pack, by kind; 15 Chinese characters is typical.
MESSAGES: Final[dict[str, tuple[Locale, tuple[str, ...]]]] = {
    "zh, in the pack word by word": ("zh", ("多久发货", "怎么退货", "包邮吗", "你好")),
    "zh, about 15 characters": (
        "zh",
        (
            "请问你们一般几天能把货发出来呀",
            "我想问下退货的运费是谁来承担呢",
            "麻烦问一下发票应该怎么去申请啊",
            "我的快递到现在都还没有人给我送",
            "这款耳机和那款比起来哪个更好些",
            "新用户第一次下单有没有优惠券领",
            "你们的客服电话是多少我打给你们",
            "可不可以先验货然后再签收包裹呢",
        ),
    ),
    "zh, about 80 characters": (
        "zh",
        (
            "你好，我上个星期在你们店里给我妈妈买了一个电热水壶，到现在已经过去五天了，物流信息一直没有更新，打快递的电话也没有人接，麻烦你帮我看一下到底是什么情况，什么时候可以送到呢",
            "请问一下你们家这个冲锋衣是不是防水的，我下个月要去爬山，那边天气预报说一直下雨，我身高一米七五体重一百四十斤应该穿多大的码，如果不合适可以换货吗运费谁出",
        ),
    ),
    "en, about 45 characters": (
        "en",
        (
            "how many days do you need to send an order out",
            "who is going to pay the postage if i return it",
            "is it possible to get an invoice for a company",
            "my parcel has been stuck in shanghai for days",
            "which of these headphones would you recommend",
        ),
    ),
}

#: Rounds over all messages of a kind; the median of the rounds is printed.
ROUNDS: Final = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked."""
    parser = argparse.ArgumentParser(prog="python -m engines.rules")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("measure", "try"):
        command = commands.add_parser(name)
        command.add_argument("pack", type=Path)
        command.add_argument("facts", type=Path)
    commands.add_parser("schemas").add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "schemas":
        return _write_schemas(options.folder)
    engine = RulesEngine.load([options.pack], options.facts)
    return _measure(engine) if options.command == "measure" else _try(engine)


def schemas() -> dict[str, str]:
    """File name to text of every schema of this room and of the voice."""
    built = {
        "pack.schema.json": pack.json_schema(),
        "voice.schema.json": voice.json_schema(),
    }
    return {
        name: json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for name, schema in built.items()
    }


def microseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median time of *work* in microseconds of this process."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1000


def _measure(engine: RulesEngine) -> int:
    engine.use("auto")
    _say(f"{engine.version}: {len(engine.intents)} intents, {engine.arithmetic} sums")
    for kind, (locale, texts) in MESSAGES.items():
        each = [_time_match(engine, text, locale) for text in texts]
        low, high = min(each), max(each)
        _say(f"{kind:32} {statistics.mean(each):6.1f} us  ({low:.1f} to {high:.1f})")
    return 0


def _time_match(engine: RulesEngine, text: str, locale: Locale) -> float:
    return microseconds(lambda: engine.match(text, locale))


def _try(engine: RulesEngine) -> int:
    for line in sys.stdin:
        found = engine.match(line.strip(), "zh")
        if isinstance(found, Match):
            how = f"{found.confidence:.2f} by {found.how}"
            _say(f"{line.strip()} -> {found.intent.id} ({how})")
        else:
            near = f", nearest {found.nearest.id}" if found.nearest else ""
            _say(f"{line.strip()} -> miss ({found.reason}{near})")
    return 0


def _write_schemas(folder: Path) -> int:
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")
        _say(f"wrote {folder / name}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
