"""
Guessing which column means what: by its name first, by its values else.

A guess is always shown and can be corrected: a wrong mapping makes every
figure wrong, so what cannot be told is an error and never a silent choice.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.insight.tables import Row
from gateway.insight.transcripts import Mapping, Speaker, TranscriptError


#: Names of columns by meaning, most telling first; compared in lower case
#: without spaces and punctuation.
NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "content", "message", "utterance", "body", "msg", "instruction",
        "question", "query", "消息内容", "聊天内容", "内容", "消息", "文本", "对话内容", "问题",
        "买家消息", "顾客消息", "用户问题",
    ),
    "reply": (
        "response", "answer", "reply", "agentreply", "回复", "回复内容", "客服回复", "答案",
    ),
    "conversation": (
        "conversationid", "sessionid", "dialogid", "dialogueid", "chatid", "ticketid",
        "threadid", "conversation", "session", "会话id", "会话编号", "对话id", "会话", "工单号",
    ),
    "time": (
        "createdat", "timestamp", "sentat", "time", "datetime", "date", "createtime",
        "发送时间", "消息时间", "创建时间", "时间", "日期",
    ),
    "role": (
        "role", "speaker", "sender", "sendertype", "from", "author", "authortype",
        "发送方", "发送人类型", "角色", "发送者", "消息来源", "说话人", "发送人",
    ),
    "customer": (
        "customerid", "userid", "buyerid", "customer", "user", "buyer", "买家昵称",
        "买家id", "顾客id", "用户id", "买家", "顾客", "客户",
    ),
    "scene": (
        "scene", "category", "intent", "topic", "tag", "issuetype", "场景", "分类", "问题类型",
        "咨询类型", "标签", "意图",
    ),
    "handled_s": (
        "handlesecond", "handleseconds", "handlingseconds", "handletimes",
        "handlingtimes", "处理时长秒", "会话时长秒", "处理时长s",
    ),
}  # fmt: skip

_CUSTOMER = frozenset(
    [
        "customer",
        "user",
        "human",
        "client",
        "buyer",
        "visitor",
        "consumer",
        "enduser",
        "guest",
        "买家",
        "顾客",
        "客户",
        "用户",
        "访客",
        "消费者",
    ]
)
_BOT = frozenset(
    [
        "bot",
        "assistant",
        "robot",
        "machine",
        "ai",
        "system",
        "auto",
        "chatbot",
        "机器人",
        "智能客服",
        "系统",
        "自动回复",
        "小蜜",
        "助手",
    ]
)
_OPERATOR = frozenset(
    [
        "agent",
        "operator",
        "seller",
        "staff",
        "support",
        "csr",
        "employee",
        "admin",
        "rep",
        "human_agent",
        "humanagent",
        "客服",
        "人工",
        "人工客服",
        "坐席",
        "卖家",
        "商家",
        "店员",
    ]
)
_FORMATS = (
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p",
)  # fmt: skip
_NOISE = re.compile(r"[\s_\-./()（）:：]+")
#: Day 0 of spreadsheets, which write times as days.
_SHEET_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - the sheet's own local time
_EPOCH_MS = 1e11
_EPOCH_S = 1e8
#: Share of values that must be times for a column to be one.
_MOST = 0.9
#: A column of roles has few values.
_MAX_ROLES = 12


def guess(
    rows: Sequence[Row], given: dict[str, str], customers: Sequence[str] = ()
) -> Mapping:
    """
    The mapping of *rows* (a sample will do).

    Args:
        given: Meaning -> column, as the caller says it; beats every guess.

        customers: Values of the role column that are customers.

    Raises:
        TranscriptError: If a column named is not there, or no text is found.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    _check(given, columns)
    found = {meaning: _by_name(meaning, columns) for meaning in NAMES} | given
    taken = {name for name in found.values() if name}
    if not found["time"]:
        found["time"] = _first(
            columns, taken, lambda name: _are_times(_values(rows, name))
        )
    if not found["text"]:
        found["text"] = _longest(rows, [name for name in columns if name not in taken])
    if not found["text"]:
        raise TranscriptError(
            f"no column of text among {', '.join(columns)}; say --map text=COLUMN"
        )
    if found["reply"] and found["role"]:
        found["reply"] = ""
    speakers = (
        _speakers(_values(rows, found["role"]), customers) if found["role"] else {}
    )
    return Mapping(**found, speakers=speakers)


def _check(given: dict[str, str], columns: list[str]) -> None:
    for meaning, name in given.items():
        if meaning not in NAMES:
            raise TranscriptError(
                f"--map {meaning}=…: no such meaning; there are {', '.join(NAMES)}"
            )
        if name and name not in columns:
            raise TranscriptError(
                f"--map {meaning}={name}: no such column; there are {', '.join(columns)}"
            )


def _by_name(meaning: str, columns: list[str]) -> str:
    plain = {_NOISE.sub("", name.lower()): name for name in reversed(columns)}
    return next((plain[name] for name in NAMES[meaning] if name in plain), "")


def _values(rows: Sequence[Row], name: str) -> list[str]:
    return [value for row in rows if (value := row.get(name, "").strip())]


def _first(columns: list[str], taken: set[str], fits: Callable[[str], bool]) -> str:
    return next((name for name in columns if name not in taken and fits(name)), "")


def _are_times(values: list[str]) -> bool:
    """Numbers alone do not count: ids look like them."""
    if not values or all(value.replace(".", "").isdigit() for value in values):
        return False
    return sum(read_time(value) is not None for value in values) >= _MOST * len(values)


def _longest(rows: Sequence[Row], columns: list[str]) -> str:
    """The column with the longest varied values."""

    def weight(name: str) -> float:
        values = _values(rows, name)
        is_varied = len(set(values)) > len(values) / 3
        return statistics.fmean(map(len, values)) if values and is_varied else 0.0

    best = max(columns, key=weight, default="")
    return best if best and weight(best) > 1 else ""


def _speakers(values: list[str], customers: Sequence[str]) -> dict[str, Speaker]:
    """
    What each value of the role column means.

    Raises:
        TranscriptError: If none of the values can be told to be the customer.
    """
    counts = Counter(values)
    told: dict[str, Speaker] = {}
    for value, _ in counts.most_common(_MAX_ROLES * 20):
        told[value] = speaker_of(value, customers)
    if "customer" not in told.values():
        most = ", ".join(repr(value) for value, _ in counts.most_common(8))
        raise TranscriptError(
            f"cannot tell who is the customer among {most}; say --customer VALUE"
        )
    return told


def speaker_of(value: str, customers: Sequence[str] = ()) -> Speaker:
    """Who *value* of a role column is; an unknown name is a person of the shop."""
    if customers:
        if value in customers:
            return "customer"
    elif _NOISE.sub("", value.lower()) in _CUSTOMER:
        return "customer"
    return "bot" if _NOISE.sub("", value.lower()) in _BOT else "operator"


def read_time(value: str) -> datetime | None:
    """A time as exports write it; one with a zone keeps its wall clock."""
    text = value.strip()
    if text.replace(".", "", 1).isdigit():
        return _from_number(float(text)) if len(text) < 20 else None  # noqa: PLR2004 - no time is longer
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the shop's own wall clock
        except ValueError:
            continue
    return None


def _from_number(value: float) -> datetime | None:
    if value > _EPOCH_MS:
        value /= 1000
    try:
        if value > _EPOCH_S:
            return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        # Days of a spreadsheet between 1990 and 2100.
        is_day = 32_874 < value < 73_051  # noqa: PLR2004 - said above
        return _SHEET_ZERO + timedelta(days=value) if is_day else None
    except (OverflowError, OSError, ValueError):
        return None


def shown(mapping: Mapping) -> dict[str, str]:
    """The mapping for people: meaning -> column, and who is who."""
    tree = msgspec.to_builtins(mapping)
    speakers = tree.pop("speakers", {})
    lines = {name: value for name, value in tree.items() if value}
    for speaker in ("customer", "bot", "operator"):
        values = [value for value, who in speakers.items() if who == speaker]
        if values:
            lines[f"role: {speaker}"] = ", ".join(values[:8])
    return lines
