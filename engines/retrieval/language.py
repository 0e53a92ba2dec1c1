"""
What a text is made of, per language: cleaning, stop words, English stems.

Pure functions and closed lists; what a shop may change (synonyms, product
names) is data in its knowledge folder.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

import opencc

from engines.contract import Locale


_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN_WORDS: Final = re.compile(r"[A-Za-z]{2,}")
_UNSEEN: Final = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_BLANKS: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?|[a-z\d]+(?:-[a-z\d]+)*")

#: Words that ask, link or greet, but say nothing of the matter.
_STOP_ZH: Final = (
    "的 了 吗 呢 吧 啊 呀 哦 哈 嘛 么 啦 我 你 您 他 她 它 我们 你们 咱们 他们 是 有 在 就"
    " 都 和 与 跟 及 或 或者 还是 但 但是 而 所以 因为 如果 的话 这 那 这个 那个 这款 那款"
    " 这种 那种 哪 哪个 哪些 什么 怎么 怎样 怎么样 如何 多少 几 请问 请 问 问下 问一下 一下"
    " 想 想要 要 会 能 能不能 可以 可不可以 可否 是否 是不是 有没有 有无 会不会 要不要 能否"
    " 一个 个 们 给 把 被 对 对于 从 到 上 下 里 中 去 来 得 地 着 过 再 又 也 还 很 太"
    " 比较 非常 真的 到底 究竟 大概 一般 通常 时候 情况 问题 东西 知道 告诉 说 看 看看 觉得"
    " 咨询 了解 亲 亲亲 客服 你好 您好 在吗 谢谢 麻烦 好的 好 不 没 没有 吗 呗 诶 哎 嗯"
    " 打算 准备 现在 目前 然后 另外 顺便 还有 以及 同时 之后 以后 之前 只 才 用 让 做"
    " 买 家 店 店里 你家 你们家 咱家 这边 那边 自己 别的 其他 关于 应该 需要 必须 行 行不行"
)
_STOP_EN: Final = (
    "a an the i me my mine we us our you your yours he she it its they them their this that"
    " these those is are am was were be been being do does did done have has had having can"
    " could will would shall should may might must of to in on at by for from with about into"
    " onto as and or but if then so than too very just also not no nor any some all each what"
    " which who whom whose when where why how there here please thanks thank hello hi hey ok"
    " okay want wanted need know tell get got let s t d ll re ve m want wonder wondering"
    " really actually much many long one ones thing things something anything say said ask"
    " question would've don't doesn't didn't i'm it's i've i'd that's what's how's there's"
    " am way kind sort still already again ever only"
)
STOP_ZH: Final = frozenset(_STOP_ZH.split())
STOP_EN: Final = frozenset(_STOP_EN.split())
_IRREGULAR: Final = {
    "bought": "buy",
    "paid": "pay",
    "sent": "send",
    "came": "come",
    "broke": "break",
    "broken": "break",
    "lost": "lose",
    "washes": "wash",
    "shoes": "shoe",
    "coming": "come",
    "taking": "take",
    "making": "make",
    "using": "use",
    "pricing": "price",
    "sizing": "size",
    "sized": "size",
    "baking": "bake",
}
#: internationally, washable: of the word they are made of.
_DERIVED: Final = re.compile(r"^(\w{3,}al)ly$|^(?!port)(\w{4,})able$")
_SHORT: Final = 3
_KEEPS_E: Final = 5


_SENTENCE: Final = {
    "zh": re.compile(r"[^。！？；\n]*[。！？；]+[”』）)]*|[^。！？；\n]+"),
    "en": re.compile(r"[^\n]+?(?:[.!?]+[\"')]*(?=\s+[\"'(]?[A-Z0-9])|(?=\n)|\Z)"),
}


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def clean(text: str) -> str:
    """NFKC without unseen characters and in simplified characters; case stays."""
    text = _BLANKS.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)))
    simplified: str = _simplifier().convert(text) if _HAN.search(text) else text
    return simplified.strip()


def language_of(text: str, otherwise: Locale) -> Locale:
    """The language *text* is written in; *otherwise* if it has no words."""
    if _HAN.search(text):
        return "zh"
    return "en" if _LATIN_WORDS.search(text) else otherwise


def latin_words(text: str) -> list[str]:
    """Lower-case words and numbers of *text*, without Chinese."""
    return _WORD.findall(text.lower())


def stem(word: str) -> str:
    """
    Light stem: number and verb endings only, so that meanings stay apart.

    ``shipping`` and ``shipped`` give ``ship``; ``deliveries`` gives
    ``delivery``; words of three letters stay.
    """
    word = _IRREGULAR.get(word, word).removesuffix("'s")
    if len(word) <= _SHORT or not word.isalpha():
        return word
    word = _DERIVED.sub(r"\1\2", word)
    if word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("sses", "shes", "ches", "xes", "zes"):
        if word.endswith(ending):
            return word[:-2]
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= _SHORT and re.search("[aeiouy]", root):
            return _undouble(root)
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    # "plane" keeps its e, or it would meet "planning".
    return word.removesuffix("e") if len(word) > _KEEPS_E else word


def _undouble(root: str) -> str:
    """``shipp`` -> ``ship``, but ``refill`` and ``pass`` stay; silent e goes."""
    if root[-1] == root[-2] and root[-1] not in "lsz":
        return root[:-1]
    return root.removesuffix("e")


def split_sentences(text: str, locale: Locale) -> tuple[str, ...]:
    """Sentences of *text* without the blanks between them; each a slice of it."""
    found = (match[0].strip() for match in _SENTENCE[locale].finditer(text))
    return tuple(sentence for sentence in found if sentence)
