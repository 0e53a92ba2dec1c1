"""
A shop's operations as the tools of an MCP server (streamable HTTP).

Only mapped tools are called, with arguments that the port makes; what a tool answers
is decoded strictly, and its descriptions are read by nobody. Needs the extra ``mcp``;
without it this module still loads.

One task owns the session from its opening to its end; a session that broke is opened
anew by the next call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import msgspec

from engines.shops.mapped import MappedShop, Refused
from engines.shops.mapping import Operation, ShopMapping
from engines.shops.port import ShopUnavailable, ShopUnreachable
from engines.yamlfile import BadFile, Document, Problem, nearest


if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, Tool


#: A longer answer is refused.
MAX_ANSWER_CHARS = 4 * 1024 * 1024
#: Pages of tools that a server may have.
_MAX_PAGES = 50


class McpMissing(Exception):
    """The extra ``mcp`` is not installed."""


class McpShop(MappedShop):
    """
    A shop behind the tools of an MCP server.

    Use it as an async context manager; entering it does not wait for the server.

    Args:
        url: Of the server's streamable HTTP endpoint.

        document: The mapping file, for complaints about tools.

        timeout_s: For a whole call; after it the outcome of an effect is unknown.

    Raises:
        McpMissing: If the extra is not installed.
    """

    def __init__(
        self,
        mapping: ShopMapping,
        document: Document,
        url: str,
        api_key: str,
        timeout_s: float = 3.0,
    ) -> None:
        _require_sdk()
        self._tools = _Tools(mapping, document, url, api_key, timeout_s)
        super().__init__(mapping, self._tools)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._tools.close()


class _Session:
    """One session, owned by a task of its own."""

    def __init__(self, task: asyncio.Task[None], client: Client) -> None:
        self.client = client
        self._task = task

    @property
    def is_open(self) -> bool:
        return not self._task.done()

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._task


class _Tools:
    """Calls the tools of one server."""

    def __init__(
        self,
        mapping: ShopMapping,
        document: Document,
        url: str,
        api_key: str,
        timeout_s: float,
    ) -> None:
        self._mapping = mapping
        self._document = document
        self._url = url
        self._headers = {
            mapping.key_header or "Authorization": api_key
            if mapping.key_header
            else f"Bearer {api_key}"
        }
        self._timeout_s = timeout_s
        self._session: _Session | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self, operation: Operation, arguments: dict[str, Any], body: Any
    ) -> Any:
        """Call one mapped tool; a body is further arguments."""
        session = await self._opened()
        if isinstance(body, dict):
            arguments = arguments | body
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await session.client.call_tool(operation.operation, arguments)
        except TimeoutError as exc:
            raise ShopUnavailable(f"{operation.operation}: no answer in time") from exc
        except Exception as exc:
            # Whatever the SDK raises, it is not known what the tool did.
            await self._drop(session)
            text = f"{operation.operation}: {type(exc).__name__}"
            raise ShopUnavailable(text) from exc
        return _answer(result)

    async def _drop(self, session: _Session) -> None:
        if self._session is session:
            self._session = None
        await session.close()

    async def _opened(self) -> _Session:
        """
        The session, opened if need be.

        Raises:
            ShopUnreachable: If it cannot be; nothing was sent.
        """
        async with self._opening:
            if self._session is None or not self._session.is_open:
                self._session = await self._start()
            return self._session

    async def _start(self) -> _Session:
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._own(ready))
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.wait((ready, task), return_when="FIRST_COMPLETED")
        except TimeoutError as exc:
            await _Session.close(_Session(task, None))  # type: ignore[arg-type]
            raise ShopUnreachable("no session in time") from exc
        except asyncio.CancelledError:
            task.cancel()
            raise
        if ready.done() and ready.exception() is None:
            return _Session(task, ready.result())
        reason = ready.exception() if ready.done() else task.exception()
        what = str(reason) if isinstance(reason, BadFile) else type(reason).__name__
        raise ShopUnreachable(f"no session: {what}") from reason

    async def _own(self, ready: asyncio.Future[Client]) -> None:
        """Hold the session open until this task is cancelled."""
        async with _connected(self._url, self._headers, self._timeout_s) as client:
            tools = await _listed(client)
            problems = _all_misfits(self._mapping, self._document, tools)
            if problems:
                ready.set_exception(BadFile(problems))
                return
            ready.set_result(client)
            await asyncio.Event().wait()


@asynccontextmanager
async def _connected(
    url: str, headers: dict[str, str], timeout_s: float
) -> AsyncIterator[Client]:
    from mcp import Client
    from mcp.client.streamable_http import (  # type: ignore[attr-defined]
        create_mcp_http_client,
        streamable_http_client,
    )

    async with AsyncExitStack() as parts:
        http = await parts.enter_async_context(create_mcp_http_client(headers))
        transport = streamable_http_client(url, http_client=http)
        client = Client(transport, read_timeout_seconds=timeout_s)
        yield await parts.enter_async_context(client)


async def _listed(client: Client) -> dict[str, Tool]:
    tools: dict[str, Tool] = {}
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools |= {tool.name: tool for tool in page.tools}
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


def _all_misfits(
    mapping: ShopMapping, document: Document, tools: dict[str, Tool]
) -> list[Problem]:
    return [
        problem
        for name, operation in mapping.operations.items()
        for problem in _misfits(name, operation, tools, document)
    ]


def _misfits(
    name: str, operation: Operation, tools: dict[str, Tool], document: Document
) -> Iterator[Problem]:
    place = ("operations", name)
    tool = tools.get(operation.operation)
    if tool is None:
        fix = nearest(operation.operation, tools)
        text = f"the server has no tool {operation.operation!r}"
        yield document.problem(text, *place, "operation", fix=fix)
        return
    hint = tool.annotations.read_only_hint if tool.annotations else None
    if hint is not None and hint != (operation.kind == "read"):
        text = f"the server says that {tool.name!r} is {'a read' if hint else 'none'}"
        yield document.problem(f"{text}, not {operation.kind!r}", *place, "kind")
    given = set(operation.arguments)
    given |= set(operation.body) if isinstance(operation.body, dict) else set()
    required = tool.input_schema.get("required", ())
    for needed in sorted(set(required) - given) if operation.body != "*" else ():
        text = f"the tool {tool.name!r} needs {needed!r}"
        yield document.problem(text, *place, fix=f"add it to arguments of {name!r}")


def _answer(result: CallToolResult) -> Any:
    """What a tool says, as plain data: structured if it is, else JSON in its text."""
    answer = result.structured_content
    if answer is None:
        answer = _from_text(result)
    if result.is_error:
        raise Refused(answer)
    return answer


def _from_text(result: CallToolResult) -> Any:
    texts = [part.text for part in result.content if part.type == "text"]
    text = "".join(texts)
    if len(text) > MAX_ANSWER_CHARS:
        raise ShopUnavailable(f"the answer has over {MAX_ANSWER_CHARS} characters")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as exc:
        raise ShopUnavailable("the tool's answer is no JSON") from exc


def _require_sdk() -> None:
    try:
        import mcp  # noqa: F401
    except ImportError as exc:
        raise McpMissing(
            "a shop behind MCP needs the extra: pip install 'tidegate[mcp]'"
        ) from exc
