"""
Three ways to make a model name a tool, and one way to read what it named.

    native    ``tools`` in the request, ``tool_calls`` in the answer
    schema    a JSON schema holds the answer to ``{"tool": …, "args": {…}}``
    content   the prompt asks for such an object; it is looked for in the text

Many servers accept ``tools`` and then write the call into the text, so that is
looked at in every mode. Arguments are decoded by the tool's own Struct, strictly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from engines.llm.errors import LlmBadReply
from engines.llm.talk import ChatLine, RawReply, Tool, ToolCall, schema_of


Mode = Literal["native", "schema", "content"]

#: Tool of the schema mode that stands for plain text.
SAY: Final = "say"
_FENCED: Final = re.compile(r"```(?:json)?\s*(\{.*?\})\s*```", re.DOTALL)
#: Objects are looked for at so many opening braces.
_MAX_BRACES: Final = 20
_NAMES: Final = ("tool", "name", "function")
_ARGUMENTS: Final = ("args", "arguments", "parameters")

_CONTENT: Final = (
    'To use a tool, answer with nothing but one JSON object {{"tool": "<name>",'
    ' "args": {{…}}}}.{otherwise}\nTools:\n{tools}'
)


def request_fields(mode: Mode, tools: Sequence[Tool], *, must: bool) -> dict[str, Any]:
    """What a request says of *tools* beside its lines."""
    if not tools or mode == "content":
        return {}
    if mode == "native":
        return {
            "tools": [_native(tool) for tool in tools],
            "tool_choice": "required" if must else "auto",
            "parallel_tool_calls": False,
        }
    schema = {"anyOf": list(_actions(tools, must=must))}
    form = {"name": "action", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def with_instructions(
    mode: Mode, lines: Sequence[ChatLine], tools: Sequence[Tool], *, must: bool
) -> list[ChatLine]:
    """*lines*, told about *tools* where the request itself does not tell."""
    if not tools or mode == "native":
        return list(lines)
    known = "\n".join(
        f"- {tool.name}: {tool.description} args: {_json(schema_of(tool))}"
        for tool in tools
    )
    otherwise = "" if must else " Otherwise answer in plain text."
    if mode == "schema" and not must:
        otherwise = f' Plain text goes into {{"tool": "{SAY}", "args": {{"text": …}}}}.'
    note = _CONTENT.format(otherwise=otherwise, tools=known)
    first, *rest = lines or (ChatLine("system", ""),)
    if first.role != "system":
        return [ChatLine("system", note), first, *rest]
    return [ChatLine("system", f"{first.content}\n\n{note}".strip()), *rest]


def read_reply(
    raw: RawReply,
    tools: Sequence[Tool],
    *,
    must: bool,
    restore: Callable[[str], str] = str,
) -> tuple[str, ToolCall | None]:
    """
    The text of a reply and the tool it names.

    Args:
        restore: Puts back what was masked. Applied to each string of the arguments
            after they were parsed, so no value can change the form of a call.

    Raises:
        LlmBadReply: With what is wrong, in words that the model can mend it by.
    """
    if not tools:
        return restore(raw.text), None
    if raw.tool_name:
        call = _call(raw.tool_name, raw.tool_arguments, tools, restore)
        return restore(raw.text), call
    names = {tool.name for tool in tools} | {SAY}
    for found in _objects(raw.text):
        name = next((found[key] for key in _NAMES if key in found), None)
        if isinstance(name, dict):
            found = found | name  # noqa: PLW2901 - one level down
            name = name.get("name")
        if not isinstance(name, str) or name not in names:
            continue
        arguments: Any = next((found[key] for key in _ARGUMENTS if key in found), {})
        if name == SAY:
            return restore(_said(arguments)), None
        return "", _call(name, arguments, tools, restore)
    if must or raw.text.lstrip().startswith(("{", "```")):
        raise LlmBadReply(f"no call of one of the tools: {', '.join(sorted(names))}")
    return restore(raw.text), None


def _said(arguments: Any) -> str:
    text = arguments.get("text") if isinstance(arguments, dict) else arguments
    if not isinstance(text, str):
        raise LlmBadReply('"text" of plain text must be a string')
    return text


def _call(
    name: str, arguments: Any, tools: Sequence[Tool], restore: Callable[[str], str]
) -> ToolCall:
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        known = ", ".join(tool.name for tool in tools)
        raise LlmBadReply(f"there is no tool {name[:60]!r}; known: {known}")
    try:
        if isinstance(arguments, str):
            arguments = msgspec.json.decode(arguments or "{}")
        arguments = _restored(arguments, restore)
        return ToolCall(name, msgspec.convert(arguments, tool.arguments))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise LlmBadReply(f"wrong arguments of {name}: {exc}") from exc


def _restored(value: Any, restore: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return restore(value)
    if isinstance(value, list):
        return [_restored(item, restore) for item in value]
    if isinstance(value, dict):
        return {key: _restored(item, restore) for key, item in value.items()}
    return value


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects in *text*: fenced ones, then the first that parses as a whole."""
    candidates = [m[1] for m in _FENCED.finditer(text)] + [text.strip()]
    starts = [m.start() for m in re.finditer(r"\{", text)][:_MAX_BRACES]
    end = text.rfind("}") + 1
    candidates += [text[start:end] for start in starts if end > start]
    for candidate in candidates:
        try:
            found = msgspec.json.decode(candidate)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _native(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": schema_of(tool),
    }
    return {"type": "function", "function": function}


def _actions(tools: Sequence[Tool], *, must: bool) -> Iterator[dict[str, Any]]:
    for tool in tools:
        yield _action(tool.name, schema_of(tool))
    if not must:
        text = {"text": {"type": "string"}}
        yield _action(SAY, _object(text))


def _action(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return _object({"tool": {"const": name}, "args": arguments})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
