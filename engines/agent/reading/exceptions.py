"""
What stays: "keep the lamp", "除了水壶都退", "只留耳机".

Cuts the words about what stays out of a text, so that the rest speaks only of
what goes, and tells whether everything else goes.
"""

from __future__ import annotations

import re

import msgspec


class Kept(msgspec.Struct, frozen=True):
    """
    A text split by what stays.

    Attributes:
        rest: The text without the words about what stays.
        names: The words that name what stays.
        all_else_goes: True if all that is not named goes back.
    """

    rest: str
    names: tuple[str, ...] = ()
    all_else_goes: bool = False


_END = r"(?=$|[,，。.;；!！?？]|以外|之外|其他|其它|其余|剩下|全|都|\bplease\b|\beverything\b)"
_ALL_BUT = re.compile(
    rf"(?:除了?|除开)(?P<zh>.{{1,40}}?)(?:以外|之外|外)?{_END}"
    rf"|(?:只|就|仅)(?:留下?|保留|要)(?P<only>.{{1,40}}?){_END}"
    rf"|\b(?:everything|all)\b[^,.;!?]{{0,25}}?\bbut (?:not )?(?P<but>.{{1,60}}?){_END}"
    rf"|\b(?:except(?: for)?|other than|apart from|all but|everything but)\s(?P<en>.{{1,60}}?){_END}"
    rf"|\b(?:keep only|only keep|just keep|(?:only|just) want to keep)\s(?P<keep>.{{1,60}}?){_END}"
)
_KEEP = re.compile(
    rf"(?P<zh>[^,，。;；退换]{{1,40}}?)(?:要保留|保留|我(?:还|自己)?要的?(?=$|[,，。;；])|还要用?|留着|留下|留到?(?=$|[,，。;；])|也要(?=$|[,，。;；])|不退|不用退|不要退|别退|(?<![按用转跑走推拉])不动)了?{_END}"
    rf"|(?:保留|留着|留下|不退)(?P<after>.{{1,40}}?){_END}"
    rf"|\b(?:keep(?:ing)?|(?:hang|hold)(?:ing)? on to|but not|not)\s(?P<en>.{{1,60}}?){_END}"
    rf"|(?P<stays>[^,.;!?]{{1,40}}?)\s(?:can |should |will |must )?(?:stays?|remains?)\b{_END}"
)

#: What goes ends here, if the next word is no particle: "鼠标不要了键盘留着".
_GOES = re.compile(
    r"(?:不要了|退了|退掉)(?=[\u4e00-\u9fff])(?![吧的呢啊呀哦嘛吗和跟与再后就])"
)


_GIFT_GOES = re.compile(
    r"(?:赠品|礼品|赠送的|送的)[^,，。;；不留]{0,4}(?:退|还|寄回)|\b(?:return|send) the gift\b|\bgift (?:goes )?back\b"
)


def gift_goes(text: str) -> bool:
    """Tell if a folded text says that the gift goes back, too."""
    return _GIFT_GOES.search(text) is not None


def split_kept(text: str) -> Kept:
    """Split the folded *text* by what it says stays."""
    text = _GOES.sub(r"\g<0>，", text)
    for pattern, all_else in ((_ALL_BUT, True), (_KEEP, False)):
        names: list[str] = []

        def cut(found: re.Match[str], names: list[str] = names) -> str:
            names.append(next(group for group in found.groups() if group))
            return " "

        rest = pattern.sub(cut, text)
        if names:
            return Kept(rest, tuple(names), all_else)
    return Kept(text)
