"""
One prompt under way: masked, reserved, timed; and one call of one endpoint, watched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

import msgspec

from engines.contract import Tier
from engines.llm.budgets import Clock, RetryBudget, TokenBudget
from engines.llm.endpoint import Endpoint
from engines.llm.errors import (
    LlmBadReply,
    LlmError,
    LlmOverloaded,
    LlmRefused,
    LlmTimeout,
    LlmUnavailable,
)
from engines.llm.masking import Mask
from engines.llm.settings import LlmConfig
from engines.llm.talk import CallRecord, ChatLine, Prompt, RawReply, Reply, Usage
from engines.llm.tools import Mode, read_reply, request_fields, with_instructions
from engines.llm.wire import Piece, body_of


OnCall = Callable[[CallRecord], None]

#: From here on a character is about a token.
_WIDE: Final = 0x2E80
_OUTCOMES: Final[Mapping[type[BaseException], str]] = {
    LlmTimeout: "timeout",
    LlmOverloaded: "overloaded",
    LlmRefused: "refused",
    LlmUnavailable: "unavailable",
    LlmBadReply: "bad_reply",
}


class Shared(msgspec.Struct, frozen=True):
    """What the clients of all tiers share."""

    endpoints: tuple[Endpoint, ...]
    shops: TokenBudget
    users: TokenBudget
    retries: RetryBudget
    limits: LlmConfig
    clock: Clock
    on_call: OnCall


class Job:
    """One prompt under way: masked, reserved, timed."""

    def __init__(self, prompt: Prompt, shared: Shared) -> None:
        self.prompt = prompt
        self.used = 0
        self.hopeless: list[Endpoint] = []
        self._shared = shared
        self.deadline_s = min(prompt.deadline_s, shared.clock() + shared.limits.total_s)
        said = "\n".join(line.content for line in prompt.lines)
        self.mask = Mask(prompt.private, avoid=said)
        self.lines = self.mask.hide_lines(prompt.lines)
        self.max_tokens = prompt.max_tokens or shared.limits.max_tokens
        self._reserved = guess(said) + self.max_tokens

    def failed(self, endpoint: Endpoint, exc: LlmError) -> LlmError:
        """Note that *endpoint* failed; one that refuses is not asked again."""
        if isinstance(exc, LlmRefused):
            self.hopeless.append(endpoint)
        return exc

    @property
    def time_left_s(self) -> float:
        """Seconds in which an answer is of use."""
        return self.deadline_s - self._shared.clock()

    def lines_in(self, mode: Mode) -> list[ChatLine]:
        """The lines, told about the tools where *mode* needs it."""
        tools, must = self.prompt.tools, self.prompt.must_call
        return with_instructions(mode, self.lines, tools, must=must)

    def body(self, endpoint: Endpoint, mode: Mode, lines: Sequence[ChatLine]) -> bytes:
        """The request for *endpoint*."""
        tools, must = self.prompt.tools, self.prompt.must_call
        return body_of(
            endpoint.config.model,
            lines,
            max_tokens=self.max_tokens,
            temperature=self.prompt.temperature,
            more=request_fields(mode, tools, must=must),
        )

    def read(self, raw: RawReply, endpoint: str) -> Reply:
        """
        What *raw* says, with personal data put back.

        Raises:
            LlmBadReply: If it is no answer to this prompt.
        """
        tools, must = self.prompt.tools, self.prompt.must_call
        text, call = read_reply(raw, tools, must=must, restore=self.mask.restore)
        return Reply(
            text=text,
            call=call,
            finish=raw.finish,
            endpoint=endpoint,
            usage=raw.usage,
        )

    def paid(self) -> _Paid:
        """Reserve tokens for the time of a ``with``; what is not used comes back."""
        return _Paid(self, self._shared, self._reserved)


class _Paid:
    """Tokens of shop and customer, reserved and settled."""

    def __init__(self, job: Job, shared: Shared, tokens: int) -> None:
        self._job = job
        self._shared = shared
        self._tokens = tokens
        self._user = f"{job.prompt.shop}/{job.prompt.user}"

    def __enter__(self) -> None:
        shop, shared = self._job.prompt.shop, self._shared
        shared.users.reserve(self._user, self._tokens)
        try:
            shared.shops.reserve(shop, self._tokens)
        except LlmError:
            shared.users.settle(self._user, self._tokens, 0)
            raise

    def __exit__(self, *_: object) -> None:
        used = self._job.used
        self._shared.users.settle(self._user, self._tokens, used)
        self._shared.shops.settle(self._job.prompt.shop, self._tokens, used)


class Watch:
    """One call of one endpoint: tells the breaker and the metrics how it ended."""

    def __init__(self, tier: Tier, endpoint: Endpoint, shared: Shared) -> None:
        self._tier = tier
        self._endpoint = endpoint
        self._shared = shared
        self._started = shared.clock()
        self.usage = Usage()
        self.first_token_s = 0.0

    def heard(self, piece: Piece) -> None:
        """Note when the first token came."""
        if piece.says and not self.first_token_s:
            self.first_token_s = self._shared.clock() - self._started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, exc: BaseException | None, _: object) -> None:
        self._tell_breaker(exc)
        config = self._endpoint.config
        cost = (
            self.usage.prompt_tokens * config.price_in
            + self.usage.completion_tokens * config.price_out
        )
        self._shared.on_call(
            CallRecord(
                tier=self._tier,
                endpoint=config.name,
                outcome=_outcome(exc),
                seconds=self._shared.clock() - self._started,
                first_token_s=self.first_token_s,
                usage=self.usage,
                cost_micro=cost,
            )
        )

    def _tell_breaker(self, exc: BaseException | None) -> None:
        """Being busy or refusing one request says nothing against a server."""
        breaker = self._endpoint.breaker
        if exc is None:
            breaker.succeeded()
        elif isinstance(exc, LlmRefused):
            breaker.gave_up()
        elif isinstance(exc, LlmUnavailable | LlmTimeout | LlmBadReply):
            breaker.failed()
        else:
            breaker.gave_up()


def _outcome(exc: BaseException | None) -> str:
    return "ok" if exc is None else _OUTCOMES.get(type(exc), "abandoned")


def guess(text: str) -> int:
    """Tokens of *text*, roughly: one for a Chinese character, a quarter for others."""
    wide = sum(char >= chr(_WIDE) for char in text)
    return wide + (len(text) - wide) // 4 + 1


def counted(usage: Usage, lines: Sequence[ChatLine], text: str) -> Usage:
    """The server's count, or our guess where it has none."""
    if usage.prompt_tokens or usage.completion_tokens:
        return usage
    return Usage(sum(guess(line.content) for line in lines), guess(text))
