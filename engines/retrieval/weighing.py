"""
How much of a question hangs on a word, before any passage is looked at.

A name carries a question, a verb that anything is done with hardly. Chinese words
are told by their part of speech in the segmenter's dictionary, English ones by a
closed list; figures weigh little, since customers often have them wrong.
"""

from __future__ import annotations

from typing import Final

from engines.retrieval.language import stem


_FIGURE: Final = 0.3
_LIGHT: Final = 0.35
#: First letter of a part of speech to gravity; all others carry the question.
_BY_SORT: Final = {
    "m": _FIGURE,
    "t": 0.6,
    "q": 0.2,
    "r": 0.2,
    "p": 0.2,
    "d": 0.3,
    "c": 0.1,
    "u": 0.1,
    "y": 0.1,
    "e": 0.1,
    "o": 0.1,
    "f": 0.3,
    "v": 0.7,
    "a": 0.7,
    "z": 0.7,
    "b": 0.8,
}
_VERB_OF_ONE: Final = 0.5
_LIGHT_EN: Final = (
    "go like take give make send come keep use work happen offer accept put find look show"
    " try call ask start stop begin stay leave mean seem become turn bring hold run move"
    " set let help talk tell speak write read choose pick decide expect hope think feel"
    " believe guess suppose wonder care bother worry plan allow enable include contain"
    " provide support handle deal expect possible able sure right wrong good bad well"
    " better best great fine nice new old big small long short high low first last next"
    " spend reach other another same different own whole full part side end way time day week month"
    " year today tomorrow yesterday morning night later soon early late now always never"
    " often usually sometimes maybe perhaps around between before after during within"
    " without until since while because though although however instead either neither"
    " both few several many lot bit little least most more less enough quite pretty rather"
    " almost nearly exactly actually basically probably definitely directly back away up"
    " down out off over under again else people person someone anyone everybody company"
    " shop store place site website item product order buy purchase customer option"
)
_LIGHT_STEMS: Final = frozenset(stem(word) for word in _LIGHT_EN.split())


def gravity_zh(word: str, sort: str) -> float:
    """Of a Chinese *word* with its part of speech."""
    if word[:1].isdigit():
        return _FIGURE
    if sort[:1] == "v" and sort[:2] != "vn" and len(word) == 1:
        return _VERB_OF_ONE
    return 1.0 if sort[:2] == "vn" else _BY_SORT.get(sort[:1], 1.0)


def gravity_en(word: str) -> float:
    """Of an English stem."""
    if word[:1].isdigit():
        return _FIGURE
    return _LIGHT if word in _LIGHT_STEMS else 1.0
