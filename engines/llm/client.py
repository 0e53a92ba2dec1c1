"""
Ask a model: several endpoints in order, budgets before, usable answers after.

    prompt ─ mask ─ budgets ─> endpoint 1 ─┐ fails before any text, retry budget left
                                           └─> endpoint 2 … ─> mend twice ─ restore

A tier has one client; endpoints, breakers and budgets are shared between tiers. A
call is not repeated once text of it was shown. Nothing of a prompt is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from typing import Final

import msgspec

from engines.contract import Tier
from engines.llm.budgets import HOUR_S, MINUTE_S, RetryBudget, TokenBudget
from engines.llm.endpoint import Endpoint
from engines.llm.errors import (
    LlmBadReply,
    LlmError,
    LlmOverloaded,
    LlmUnavailable,
)
from engines.llm.job import Job, OnCall, Shared, Watch, counted
from engines.llm.masking import StreamRestorer
from engines.llm.probing import find_mode
from engines.llm.settings import LlmConfig
from engines.llm.talk import CallRecord, ChatLine, Prompt, RawReply, Reply, Usage
from engines.llm.tools import Mode


#: Times a model may mend an answer that cannot be used.
MAX_REPAIRS: Final = 2
#: Seconds of asking an endpoint for its tool mode.
PROBE_S: Final = 10.0
#: Characters of a broken answer that are shown to the model again.
_SHOWN: Final = 2_000


class EndpointState(msgspec.Struct, frozen=True, kw_only=True):
    """
    An endpoint as a health page shows it.

    Attributes:
        tools: Tool mode; ``unknown`` until it has answered once.
    """

    name: str
    model: str
    breaker: str
    tools: str


class LlmClient:
    """The language models of one tier; many turns may ask at once."""

    def __init__(self, tier: Tier, shared: Shared) -> None:
        self._tier = tier
        self._shared = shared
        self._endpoints = [e for e in shared.endpoints if tier in e.config.tiers]

    @property
    def states(self) -> tuple[EndpointState, ...]:
        """Every endpoint of this tier, for health pages."""
        return tuple(
            EndpointState(
                name=one.config.name,
                model=one.config.model,
                breaker=one.breaker.state,
                tools=one.mode or "unknown",
            )
            for one in self._endpoints
        )

    async def probe(self) -> None:
        """Ask every endpoint how it names tools; silent ones are asked again later."""
        for endpoint in self._endpoints:
            try:
                await self._mode(endpoint)
            except LlmError:
                continue

    async def warm(self) -> int:
        """Open connections ahead of many prompts, and probe; how many answered."""
        opened = await asyncio.gather(
            *(endpoint.warm(PROBE_S) for endpoint in self._endpoints)
        )
        await self.probe()
        return sum(opened)

    async def ask(self, prompt: Prompt) -> Reply:
        """
        Answer *prompt*, with one tool call if it offers tools.

        Raises:
            LlmError: See the package.
        """
        job = Job(prompt, self._shared)
        with job.paid():
            last: LlmError | None = None
            for endpoint in self._tries(job):
                try:
                    return await self._usable(endpoint, job)
                except LlmError as exc:
                    last = job.failed(endpoint, exc)
            raise last or self._nobody()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str]:
        """
        Text of the answer as it comes; tools are not offered.

        Raises:
            LlmError: Before the first piece, or in the middle if the server fails.
        """
        job = Job(prompt, self._shared)
        with job.paid():
            last: LlmError | None = None
            for endpoint in self._tries(job):
                restorer, has_begun = StreamRestorer(job.mask), False
                try:
                    async with aclosing(self._texts(endpoint, job)) as texts:
                        async for text in texts:
                            has_begun = True
                            yield restorer.push(text)
                        yield restorer.finish()
                except LlmError as exc:
                    if has_begun:
                        raise
                    last = job.failed(endpoint, exc)
                else:
                    return
            raise last or self._nobody()

    def _tries(self, job: Job) -> Iterator[Endpoint]:
        """Endpoints that may be asked now, each once; the last one that failed again."""
        retries, is_first = self._shared.retries, True
        for endpoint in [*self._endpoints, *self._endpoints[:1]]:
            if job.time_left_s <= 0 or endpoint.pause_s or endpoint.is_full:
                continue
            if endpoint in job.hopeless:
                continue
            if not is_first and not retries.may_retry():
                return
            if not endpoint.breaker.allows():
                continue
            if is_first:
                retries.first_try()
            is_first = False
            yield endpoint

    def _nobody(self) -> LlmError:
        pauses = [e.pause_s for e in self._endpoints if e.pause_s]
        if pauses or any(e.is_full for e in self._endpoints):
            return LlmOverloaded("every endpoint is full", min(pauses, default=1.0))
        return LlmUnavailable("no endpoint can be asked now")

    async def _usable(self, endpoint: Endpoint, job: Job) -> Reply:
        """A reply that can be used, mended up to twice."""
        mode = await self._mode(endpoint) if job.prompt.tools else "native"
        lines = job.lines_in(mode)
        for repair in range(MAX_REPAIRS + 1):
            raw = await self._raw(endpoint, job, mode, lines)
            try:
                return job.read(raw, endpoint.config.name)
            except LlmBadReply as exc:
                if repair == MAX_REPAIRS:
                    raise
                lines += _repair(raw, exc)
        raise AssertionError

    async def _mode(self, endpoint: Endpoint) -> Mode:
        if endpoint.mode is None:
            async with endpoint.asking:
                if endpoint.mode is None:
                    until = self._shared.clock() + PROBE_S
                    with Watch(self._tier, endpoint, self._shared):
                        endpoint.mode = await find_mode(endpoint, until)
        return endpoint.mode

    async def _raw(
        self, endpoint: Endpoint, job: Job, mode: Mode, lines: Sequence[ChatLine]
    ) -> RawReply:
        with Watch(self._tier, endpoint, self._shared) as watch:
            body = job.body(endpoint, mode, lines)
            raw = await endpoint.whole(body, job.deadline_s)
            watch.usage = usage = counted(raw.usage, lines, raw.text)
            watch.first_token_s = raw.first_token_s
            job.used += usage.prompt_tokens + usage.completion_tokens
            return msgspec.structs.replace(raw, usage=usage)

    async def _texts(self, endpoint: Endpoint, job: Job) -> AsyncGenerator[str]:
        lines = job.lines_in("native")
        said, is_complete, usage = [], False, Usage()
        with Watch(self._tier, endpoint, self._shared) as watch:
            body = job.body(endpoint, "native", lines)
            source = endpoint.pieces(body, job.deadline_s)
            async with aclosing(source) as pieces:
                async for piece in pieces:
                    is_complete, usage = (
                        is_complete or piece.is_end,
                        piece.usage or usage,
                    )
                    watch.heard(piece)
                    if piece.text:
                        said.append(piece.text)
                        yield piece.text
            watch.usage = usage = counted(usage, lines, "".join(said))
            job.used += usage.prompt_tokens + usage.completion_tokens
            if not is_complete:
                raise LlmBadReply("the stream was cut")
            if not said:
                raise LlmBadReply("an empty answer")


def states_of(clients: Iterable[LlmClient]) -> tuple[EndpointState, ...]:
    """Every endpoint of *clients* once."""
    return tuple(dict.fromkeys(state for one in clients for state in one.states))


async def warm_models(clients: Iterable[LlmClient]) -> int:
    """Open connections of all *clients*; how many endpoints answered."""
    return sum([await client.warm() for client in dict.fromkeys(clients)])


async def _probe(clients: Iterable[LlmClient]) -> None:
    for client in clients:
        await client.probe()


def _repair(raw: RawReply, problem: LlmBadReply) -> list[ChatLine]:
    said = raw.text or f"{raw.tool_name} {raw.tool_arguments}"
    return [
        ChatLine("assistant", said[:_SHOWN]),
        ChatLine("user", f"That cannot be used: {problem}. Answer again, correctly."),
    ]


def _ignore(_: CallRecord) -> None:
    """For callers without metrics."""


@asynccontextmanager
async def open_clients(
    config: LlmConfig, on_call: OnCall = _ignore, *, probes: bool = False
) -> AsyncIterator[Mapping[Tier, LlmClient]]:
    """
    A client for every tier that has an endpoint, in this event loop.

    Args:
        probes: Find out every endpoint's tool mode at once, in the background,
            instead of at the first prompt that offers tools.
    """
    clock = asyncio.get_running_loop().time
    shared = Shared(
        tuple(Endpoint(one, config, clock) for one in config.endpoints),
        TokenBudget(config.shop_tokens_per_minute, MINUTE_S, clock, "shop"),
        TokenBudget(config.user_tokens_per_hour, HOUR_S, clock, "customer"),
        RetryBudget(config.retry_share),
        config,
        clock,
        on_call,
    )
    tiers = [tier for tier in Tier if any(tier in e.tiers for e in config.endpoints)]
    clients = {tier: LlmClient(tier, shared) for tier in tiers}
    probing = asyncio.create_task(_probe(clients.values())) if probes else None
    try:
        yield clients
    finally:
        if probing is not None:
            probing.cancel()
        for endpoint in shared.endpoints:
            await endpoint.close()
