"""
Particulars of single tasks: invoice titles, evidence, what to exchange for.

Taken from the words as written; nothing is invented.
"""

from __future__ import annotations

import re

import msgspec


class InvoiceParts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was understood of an invoice so far."""

    title: str = ""
    tax_id: str = ""
    email: str = ""

    def over(self, earlier: InvoiceParts) -> InvoiceParts:
        """These parts, and the *earlier* ones where these are empty."""
        return InvoiceParts(
            self.title or earlier.title,
            self.tax_id or earlier.tax_id,
            self.email or earlier.email,
        )


_TAX_ID = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Z0-9]*\d{4})[A-Z0-9]{15,20}(?![A-Za-z0-9])", re.IGNORECASE
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_COMPANY = re.compile(
    r"(?P<zh>[\u4e00-\u9fff()（）A-Za-z0-9·]{2,40}?(?:有限责任公司|有限公司|股份公司|公司|集团|工作室|事务所|中心|大学|学院|医院|合作社|厂))"
    r"|(?P<en>[A-Z][\w&.'-]*(?:\s(?:[A-Z&][\w&.'-]*|of|and|for)){0,6}?\s(?:Ltd|LLC|Inc|Co|Corp|Corporation|Company|GmbH|Limited|Studio|University|Group|AG|PLC)\b\.?(?:,?\s(?:Ltd|Inc)\b\.?)?)"
)
_TITLE = re.compile(
    r"(?:抬头|名称)(?:请)?(?:改成|改为|换成|开成|写成|写|是|为|:|：|\s)+(?:个人)?[\s“\"']*(?P<zh>(?!错|不对|有误|有问题|漏|反了)[^\s,，。;；“”\"']{2,40})"
    r"|\b(?:to|as|should (?:be|read|say)|in the name of|title(?: is| to| as)?|under|name(?: is)?)[:\s]+(?:(?:my|our) (?:own )?(?:name|wife|husband|partner|mother|father|son|daughter|colleague|friend|company)(?:'s name)?,?\s)?[\"']?(?P<en>[A-Z][\w&.'-]*(?:\s[A-Z][\w&.'-]*){0,6})"
)
_PERSONAL = re.compile(r"个人(?:抬头|发票|名义)?|\bpersonal\b")
_LEAD = re.compile(
    r"^.*(?:抬头|名称|发票|要开|想开|改开|换开|开给|开到|开成|开为|改成|改为|换成|换为|写成|写上(?![海饶虞])|填写?|写(?!字楼|作|真)|应该是|是|为|给|[:：]|把|的)"
)
_EVIDENCE = re.compile(
    r"https?://\S+|\[[^\]]{0,10}(?:图片|照片|视频|image|photo|picture|video)[^\]]{0,60}\]"
    r"|【[^】]{0,10}(?:图片|照片|视频)[^】]{0,60}】|\b[\w-]{1,80}\.(?:jpe?g|png|webp|heic|gif|mp4|mov)\b"
    r"|(?:附图|附上(?:了)?(?:照片|图片|视频)|(?:照片|图片|视频)(?:已|都)?(?:发|传|上传|附)[^没不,，。]{0,4}|见图|如图|拍了照|有照片)"
    r"|\b(?:photos?|pictures?|images?|video)s? (?:is |are )?(?:attached|uploaded|included|sent)\b|\b(?:attached|here(?:'s| is| are)) (?:is |are )?(?:a |the |some |my )?(?:photo|picture|image|video)",
    re.IGNORECASE,
)
_NO_EVIDENCE = re.compile(
    r"(?:没有?|没法|无法|不能|不会|不方便|来不及|忘了?|拍不)[^,，。;；]{0,4}(?:拍|照|图|视频)|拍不(?:了|到|清)|(?:照片|图片?|视频)[^,，。;；]{0,4}(?:没有?(?:了|$|[,，。])|删了|丢了)"
    r"|\b(?:no|without|don'?t have|haven'?t got|do not have|can'?t|cannot|couldn'?t|didn'?t|unable to|forgot to)\b[^,.;]{0,20}\b(?:photo|picture|pic|image|video)s?\b"
)
_POINTS = re.compile(
    r"换(?:成|为|到)?(?:刚才|刚刚|上面)?(?:说的|问的)?[这那]一?[个款种](?:吧|了|行|可以|$|[,，。!！?？])"
    r"|\b(?:for|to|into|with) (?:this|that)(?: one)?(?=$|[,.!?]| (?:please|instead)\b)",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"(?:换货?|调换|改)(?:成|为|到)\s?(?P<zh>[^,，。;；!！?？]{1,40})"
    r"|换(?:一?[个件双条款])\s?(?P<one>[^,，。;；!！?？]{1,30})|(?:我)?(?:要|想要|想换)(?!成|为|到|货)(?P<want>[^,，。;；!！?？]{1,30}?)(?:[的滴嘞]|吧|$)"
    r"|换(?:成|个)?(?P<number>\d{2})(?=的|码|号|$|[,，。])|换(?!成|为|到)个?(?P<kind>[^,，。;；!！?？新]{1,6}(?:色|码|号|款))|换(?P<bare>[smlx\d]{1,4}\s?[码号]|[smlx]{1,4}(?![a-z\d])|[黑白红蓝灰绿粉紫黄][色]?[^,，。;；]{0,6})"
    r"|\b(?:for|to|into|with|instead of .{1,30}? (?:for|to))\s(?!(?:exchange|swap|change|replace|return|get|have|do)\b)(?:an?|the|my)?\s?(?P<en>(?:(?!\s(?:for|to|into|with)\s)[^,.;!?]){1,60})"
    r"|\bin (?:a |the )?(?:size )?(?P<insize>(?!stead\b)[\w-]{1,12}) instead\b"
    r"|\b(?:have|like|want|prefer|get|need)\b[^.;!?]{0,50}\bin (?:an? |the )?(?:size )?(?P<incolour>(?!stead\b)[\w-]{1,12})(?=[,.;!?]|$| please| instead)"
    r"|\b(?:need|want|like|get|take|have)\s(?:an?|the)\s(?P<needs>[^,.;!?]{1,30}?)\sinstead\b(?! of)"
    r"|\b(?:like|want|get|have)\s(?:an?|the)\s(?P<like>[^,.;!?]{1,40}?)\sinstead of\b"
    r"|\b(?:should|must|supposed to) be (?:an? |the )?(?P<right>(?:size )?[^,.;!?]{1,20}?)(?: instead|[,.;!?]|$)"
    r"|\b(?P<size>small|medium|large|x+l|x-large|extra large) (?:not|instead of|rather than)\b"
    r"|\bwant (?:the|an?) (?P<enwant>[^,.;!?]{1,40})",
    re.IGNORECASE,
)
#: A size or a colour that is all a text says: "oh wait, XL", "还是黑色吧".
_BARE_VARIANT = re.compile(
    r"^(?:(?:oh|no|ah|wait|actually|sorry|算了|那|等等|等一下|不对?|还是|要|改[成为]?|make (?:it|that))[,， ]*)*(?:the |an? |size |in )*"
    r"(?P<variant>[smlx]{1,4}(?=\s?[码号]|[^a-z]|$)|\d{2,3}(?=\s?[码号])|[黑白红蓝灰绿粉紫黄青棕]色?|藏青色?|米色|(?:extra )?(?:small|medium|large)|black|white|red|blue|gr[ae]y|green|pink|navy)"
    r"\s?(?:[码号的]|吧|好了|就行|one|please|instead|\s)*[.!。！]?$",
    re.IGNORECASE,
)
_LONGEST_TITLE = 40
_FILLER = re.compile(
    r"^(?:一|那|这)?[个件双条款只]|(?:可以|行|好)?[吗吧呢呀啊]$|谢谢.*$|麻烦.*$|(?:的|那款|这款|那个)$"
    r"|\b(?:please|thanks|instead|version|variant|one)\b"
)


def invoice_in(text: str) -> InvoiceParts:
    """Title, tax id and email in the cleaned *text*."""
    tax = _TAX_ID.search(text)
    email = _EMAIL.search(text)
    rest = text
    for found in (tax, email):
        if found:
            rest = rest.replace(found[0], " ")
    return InvoiceParts(
        title=_title(rest),
        tax_id=tax[0].upper() if tax else "",
        email=email[0] if email else "",
    )


def title_answer(text: str) -> InvoiceParts:
    """A short answer to the question for a title is the title."""
    said = _FILLER.sub("", text.strip(" .。!！")).strip()
    is_title = 1 < len(said) <= _LONGEST_TITLE and not re.search(r"[?？,，]", said)
    return InvoiceParts(title=said if is_title else "")


def is_company(title: str) -> bool:
    """Tell if an invoice title is a company's, which needs a tax id."""
    return _COMPANY.fullmatch(title) is not None


def evidence_in(text: str) -> str:
    """What shows the fault: a link, a file, or the channel's mark of a picture."""
    found = _EVIDENCE.search(text)
    return found[0].strip() if found else ""


def has_no_evidence(text: str) -> bool:
    """Tell if a folded text says that there is no picture to show."""
    return _NO_EVIDENCE.search(text) is not None


def target_in(text: str, *, is_answer: bool = False) -> str:
    """Words for what the customer wants instead; empty if there are none."""
    found = list(_TARGET.finditer(text))
    said = next((group for group in found[-1].groups() if group), "") if found else ""
    if not said and (bare := _BARE_VARIANT.match(text)):
        said = bare["variant"]
    if not said and is_answer:
        said = text
    said = _FILLER.sub("", said.strip()).strip()
    return _FILLER.sub("", said).strip(" .。!！")[:80]


def points_at_target(text: str) -> bool:
    """Tell if a text wants what was just spoken of instead: "换成这个", "for that one"."""
    return _POINTS.search(text) is not None


def _title(text: str) -> str:
    companies = list(_COMPANY.finditer(text))
    if companies:
        company = max(companies, key=lambda one: len(one[0]))
        return _LEAD.sub("", company["zh"]) if company["zh"] else company["en"]
    titled = _TITLE.search(text)
    if titled:
        return (titled["zh"] or titled["en"]).strip()
    return "个人" if _PERSONAL.search(text) else ""
