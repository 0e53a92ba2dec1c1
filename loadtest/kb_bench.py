"""
Retrieval against its peers and against itself: speed, memory, faithfulness, tenants.

Passages are made by a seeded generator, the same for every engine; Chinese is cut
into the same tokens for all, so that only searching is compared. Peers that are not
installed are named and left out.
"""

from __future__ import annotations

import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from engines.contract import ShopId
from engines.retrieval.documents import Header, Passage
from engines.retrieval.index import Index, Partition, Scope
from engines.retrieval.language import split_sentences
from engines.retrieval.postings import postings_of
from engines.retrieval.terms import Analyzer
from engines.retrieval.vectors import Vectors
from engines.retrieval.words import Phrases, load_synonyms


SHOP: Final = ShopId("bench")
DIMENSIONS: Final = 384
_TODAY: Final = date(2026, 11, 22)
_K: Final = 10
_GOODS: Final = [
    "餐桌",
    "书架",
    "沙发",
    "台灯",
    "水壶",
    "耳机",
    "键盘",
    "背包",
    "风衣",
    "雨伞",
    "跑鞋",
    "毛毯",
    "咖啡机",
    "吸尘器",
    "电饭煲",
    "保温杯",
    "加湿器",
    "充电宝",
    "数据线",
    "行李箱",
    "婴儿车",
    "猫粮",
    "狗粮",
    "面霜",
    "洗发水",
    "牙刷",
    "毛巾",
    "床垫",
    "窗帘",
    "地毯",
]
_THEMES: Final = [
    "退货",
    "换货",
    "运费",
    "发货",
    "保修",
    "发票",
    "价格",
    "优惠券",
    "积分",
    "会员",
    "安装",
    "清洗",
    "尺寸",
    "材质",
    "颜色",
    "重量",
    "电池",
    "充电",
    "防水",
    "包装",
    "赠品",
    "预售",
    "退款",
    "到账",
    "快递",
    "地址",
    "签收",
    "验货",
    "维修",
    "配件",
]
_VERBS: Final = [
    "支持",
    "需要",
    "可以",
    "不能",
    "建议",
    "提供",
    "包含",
    "按照",
    "超过",
    "之前",
    "之后",
    "期间",
    "联系",
    "申请",
    "确认",
    "审核",
]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """
    One engine at one size; milliseconds of a search, seconds of building.

    Attributes:
        memory_mb: Growth of the process while building.
    """

    engine: str
    passages: int
    build_s: float
    p50_ms: float
    p99_ms: float
    memory_mb: float

    @property
    def per_s(self) -> float:
        """Passages indexed a second."""
        return self.passages / max(self.build_s, 1e-9)


def passages(number: int, seed: int = 7) -> list[Passage]:
    """*number* made-up passages of a few sentences."""
    rng = random.Random(seed)
    return [_passage(i, rng) for i in range(number)]


def _passage(number: int, rng: random.Random) -> Passage:
    goods, theme = rng.choice(_GOODS), rng.choice(_THEMES)
    text = "".join(
        f"{rng.choice(_GOODS)}{rng.choice(_VERBS)}{rng.choice(_THEMES)}"
        f"{rng.randrange(1, 400)}天，{rng.choice(_VERBS)}{rng.choice(_THEMES)}。"
        for _ in range(rng.randrange(2, 6))
    )
    header = Header(
        id=f"d{number}",
        title=goods,
        kind="policy",
        audience="customer",
        effective_from=date.min,
    )
    return Passage(
        id=f"zh/d{number}#a",
        shop=SHOP,
        locale="zh",
        header=header,
        heading=f"{goods}{theme}",
        text=text,
        sentences=split_sentences(text, "zh"),
        asked=(),
        path="made",
        line=number + 1,
    )


def queries(number: int, seed: int = 11) -> list[str]:
    """Questions of customers over the same goods."""
    rng = random.Random(seed)
    forms = ("{}的{}怎么算", "{}{}要几天", "买{}能{}吗", "{}坏了{}找谁")
    return [
        rng.choice(forms).format(rng.choice(_GOODS), rng.choice(_THEMES))
        for _ in range(number)
    ]


def compare(
    sizes: Sequence[int], tell: Callable[[str], None], questions: int = 200
) -> list[Speed]:
    """Every engine at every size, in this process, one thread."""
    synonyms = load_synonyms(None)
    analyzer = Analyzer("zh", synonyms, Phrases([], "zh"))
    asked = queries(questions)
    found: list[Speed] = []
    with threadpool_limits(1):
        for size in sizes:
            made = passages(size)
            for measure in (_ours, _bm25s, _tantivy):
                try:
                    found += measure(made, asked, analyzer)
                except ImportError as exc:
                    tell(f"left out: {exc.name} is not installed")
            tell(f"{size} passages done")
    return found


def _ours(made: list[Passage], asked: list[str], analyzer: Analyzer) -> list[Speed]:
    built = _Built()
    postings = postings_of(made, analyzer)
    build_s, memory = built.done()
    scope = Scope(shop=SHOP, locale="zh", on=_TODAY)
    index = Index({(SHOP, "zh"): Partition(postings, made)})
    prepared = [analyzer.query(text) for text in asked]
    words = _timed(lambda i: index.search(prepared[i], scope, _K), len(asked))
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(len(made), DIMENSIONS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = Vectors.of(rows, np.arange(len(made), dtype=np.int64))
    both = Index({(SHOP, "zh"): Partition(postings, made, vectors)})
    fused = _timed(
        lambda i: both.search(prepared[i], scope, _K, rows[i % len(made)]), len(asked)
    )
    return [
        _speed("tidegate words", made, build_s, words, memory),
        _speed("tidegate words + vectors", made, build_s, fused, memory),
    ]


def _bm25s(made: list[Passage], asked: list[str], analyzer: Analyzer) -> list[Speed]:
    import bm25s

    built = _Built()
    tokens = [list(analyzer.count(_text(p)).elements()) for p in made]
    retriever = bm25s.BM25()
    retriever.index(tokens, show_progress=False)
    build_s, memory = built.done()
    prepared = [list(analyzer.query(text).weights) for text in asked]
    times = _timed(
        lambda i: retriever.retrieve(
            [prepared[i]], k=_K, show_progress=False, n_threads=1
        ),
        len(asked),
    )
    return [_speed("bm25s", made, build_s, times, memory)]


def _tantivy(made: list[Passage], asked: list[str], analyzer: Analyzer) -> list[Speed]:
    import tantivy

    built = _Built()
    schema = tantivy.SchemaBuilder()
    schema.add_text_field("body", tokenizer_name="whitespace")
    index = tantivy.Index(schema.build())
    writer = index.writer(num_threads=1)
    for passage in made:
        text = " ".join(analyzer.count(_text(passage)).elements())
        writer.add_document(tantivy.Document(body=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    build_s, memory = built.done()
    searcher = index.searcher()
    prepared = [
        _tantivy_query(tantivy, index.schema, analyzer.query(text).weights)
        for text in asked
    ]
    times = _timed(lambda i: searcher.search(prepared[i], _K), len(asked))
    return [_speed("tantivy", made, build_s, times, memory)]


def _tantivy_query(tantivy: Any, schema: Any, terms: Any) -> Any:
    wanted = [
        (tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", term))
        for term in terms
    ]
    return tantivy.Query.boolean_query(wanted)


def _text(passage: Passage) -> str:
    return f"{passage.heading}\n{passage.text}"


class _Built:
    """Time and memory since it was made."""

    def __init__(self) -> None:
        self._memory = _peak_mb()
        self._started = time.perf_counter()

    def done(self) -> tuple[float, float]:
        return time.perf_counter() - self._started, _peak_mb() - self._memory


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed(search: Callable[[int], object], number: int) -> list[float]:
    for i in range(min(number, 10)):
        search(i)
    times = []
    for i in range(number):
        started = time.perf_counter()
        search(i)
        times.append((time.perf_counter() - started) * 1000)
    return times


def _speed(
    engine: str, made: list[Passage], build_s: float, times: list[float], memory: float
) -> Speed:
    return Speed(
        engine=engine,
        passages=len(made),
        build_s=build_s,
        p50_ms=statistics.median(times),
        p99_ms=statistics.quantiles(times, n=100)[98],
        memory_mb=max(memory, 0.0),
    )
