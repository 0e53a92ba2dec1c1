"""
Letters as they are typed, where a document holds them as they are set.

PDF files name Chinese characters by the shape of their radical (U+2F00, U+2E80) and
Latin ones by a ligature: they look right and are found by nobody.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final


_SHAPES: Final = re.compile(r"[\u2f00-\u2fd5\ufb00-\ufb06\uf900-\ufaff\u00ad]")
#: Radicals of the supplement that stand for a character; Unicode folds none of them.
_RADICALS: Final = str.maketrans(
    "⼾⺟⺠⻁⻄⻅⻆⻉⻋⻌⻑⻒⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳",
    "户母民虎西见角贝车辶長镸长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙龟",
)


def plain_letters(text: str) -> str:
    """*text* without letters that only look like others, and without soft hyphens."""
    return _SHAPES.sub(
        lambda m: "" if m[0] == "\u00ad" else unicodedata.normalize("NFKC", m[0]),
        text.translate(_RADICALS),
    )
