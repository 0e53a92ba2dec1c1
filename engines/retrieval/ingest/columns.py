"""
Which columns of a table mean what, told by their names in Chinese and English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec


_CLEAN: Final = re.compile(r"[\s_\-/()（）:：*#]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(_CLEAN.sub("", word) for word in words.lower().split("|"))


_QUESTION: Final = _set(
    "问题|问|标准问|标准问题|提问|常见问题|用户问题|客户问题|顾客问题|question|questions|q|faq|query"
)
_ANSWER: Final = _set(
    "答案|答|回答|答复|回复|标准答案|标准回复|客服回复|解答|说明|内容|answer|answers|a|reply|response"
)
_ALIAS: Final = _set(
    "相似问|相似问题|相似问法|别名|俗称|又名|同义词|关键词|alias|aliases|similar questions|also asked"
    "|synonyms|keywords|also known as|other names|other wordings"
)
_NAME: Final = _set(
    "商品名称|商品名|商品|产品名称|产品名|产品|品名|名称|标题|款式|型号名称|product name|product"
    "|product title|item name|item|name|title|model name|goods"
)
_SKU: Final = _set(
    "sku|商品编号|商品编码|产品编号|产品编码|货号|款号|编号|编码|商品id|产品id|型号|id|sku id|sku code"
    "|item no|item number|product id|product code|item id|code|model|model no|article number|part number"
)
_PRODUCT_FACT: Final = re.compile(
    r"价|库存|规格|颜色|尺寸|重量|材质|保修|品牌|功率|容量|price|stock|colou?r|size|weight|material|warranty"
    r"|brand|capacity|power|dimension",
    re.IGNORECASE,
)
_FIRST_DAY: Final = _set(
    "生效日期|开始日期|开始时间|生效时间|起始日期|effective from|start date|valid from|start|from"
)
_LAST_DAY: Final = _set(
    "失效日期|结束日期|截止日期|结束时间|到期日|有效期至|effective until|end date|valid until|expires|until"
)
#: A table of labels and values has two columns and names that say so, or none.
_LABEL: Final = _set(
    "项目|参数|属性|规格|参数名|名目|字段|key|label|property|attribute|spec|specification|parameter|item"
)


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """
    Positions of the columns that mean something.

    Attributes:
        is_product: Each row is a product of the shop.

        is_labels: Each row is a label with its value, and all belong together.
    """

    question: int | None = None
    answer: int | None = None
    alias: int | None = None
    name: int | None = None
    sku: int | None = None
    first_day: int | None = None
    last_day: int | None = None
    is_product: bool = False
    is_labels: bool = False


def columns_of(header: Sequence[str]) -> Columns:
    """What the columns named in *header* mean."""
    names = [_CLEAN.sub("", name.lower()) for name in header]
    question = _find(names, _QUESTION)
    answer = _find(names, _ANSWER)
    name, sku = _find(names, _NAME), _find(names, _SKU)
    facts = sum(bool(_PRODUCT_FACT.search(one)) for one in header)
    is_pair = len(header) == 2 and not (question is not None and answer is not None)  # noqa: PLR2004
    is_product = name is not None and (sku is not None or facts > 0)
    return Columns(
        question=question,
        answer=answer,
        alias=_find(names, _ALIAS),
        name=name,
        sku=sku if sku != name else None,
        first_day=_find(names, _FIRST_DAY),
        last_day=_find(names, _LAST_DAY),
        is_product=is_product,
        is_labels=is_pair and not is_product and (names[0] in _LABEL or not names[0]),
    )


def _find(names: Sequence[str], known: frozenset[str]) -> int | None:
    return next((i for i, name in enumerate(names) if name in known), None)
