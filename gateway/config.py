"""
The configuration: frozen Structs, one per section, and the shipped files.

:func:`gateway.config_file.load` fills them. Nobody but :mod:`gateway.app` and
the command line sees the whole: each component gets its own Struct.
"""

from __future__ import annotations

from datetime import date, time
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from engines.llm import LlmConfig
from gateway.channels.registry import Platform
from gateway.errors import ConfigError


Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Rate = Annotated[float, msgspec.Meta(ge=1e-3, le=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ServerConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Where and how to listen.

    Attributes:
        workers: Processes on the one port.

        drain_s: How long a stopping worker may finish what it has.

        max_body_bytes: A larger request body is refused with 413.

        public_url: The https:// address that platforms reach this gateway at.

        visitor_secret_file: Holds what signs visitors' tokens; several gateways need
            the same. Empty: one is made at the first start and kept in the data folder.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    drain_s: Seconds = 15.0
    public_url: str = ""
    visitor_secret_file: str = ""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1_024)] = 32_768


class StoreConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Which store. An empty *url* starts the embedded one under the data folder.

    Attributes:
        lease_ms: How long a silent worker keeps a conversation.

        dedup_days: How long a repeated message id is recognised.

        log_keep: Events kept live per conversation.

        replicas: Replicas of an external store whose disks must hold a write, beside the
            primary's, before it counts.

        audit_days: How long lines of the audit log stay in the store; older ones are
            files in the data folder.

        least_free_mb: Messages are refused while the disk of the data folder has less
            free; 0 never.
    """

    url: str = ""
    lease_ms: Annotated[int, msgspec.Meta(ge=1_000)] = 10_000
    dedup_days: Annotated[float, msgspec.Meta(gt=0, le=3_650)] = 7.0
    log_keep: Count = 500
    replicas: Annotated[int, msgspec.Meta(ge=0, le=8)] = 0
    audit_days: Annotated[float, msgspec.Meta(gt=0, le=3_650)] = 180.0
    least_free_mb: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 64.0


class LimitsConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    What one request or one key may ask for.

    Attributes:
        rate_per_s: Messages a second per API key, per worker.

        burst: How many may come at once above the rate.

        visitor_rate_per_s: As *rate_per_s*, for one browser visitor.

        visitor_opens_per_s: Anonymous conversations opened from one address.
            Whole offices share one: keep the burst generous.
    """

    text_chars: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 4_000
    rate_per_s: Rate = 20_000.0
    burst: Count = 20_000
    visitor_rate_per_s: Rate = 2.0
    visitor_burst: Count = 10
    visitor_opens_per_s: Rate = 1.0
    visitor_opens_burst: Count = 60


class DispatchConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Deadlines and bounds of answering, in seconds from acceptance.

    Attributes:
        reply_wait_s: How long a POST waits for its reply before ``202``.

        min_confidence: An answer below it climbs one tier.

        max_tries: Take-overs of one message before it becomes a ticket.

        l2_slots / l3_slots: Turns at once on that tier, per worker.
    """

    l2_deadline_s: Seconds = 3.0
    l3_deadline_s: Seconds = 10.0
    reply_wait_s: Seconds = 15.0
    min_confidence: Share = 0.3
    max_tries: Count = 3
    history_lines: Count = 12
    episode_idle_s: Seconds = 6 * 3600.0
    l2_slots: Count = 64
    l3_slots: Count = 32


class RouterConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Which router model, rules and stage; empty paths mean the shipped ones.

    Attributes:
        arithmetic: How a gateway adds up the model, and the likeness of a message
            to the rules of L1. ``auto`` is native where numba is installed: it
            halves the time of both, and costs a worker about five seconds at its
            start and 190 MB.

        second_stage: Whether turns that the router is unsure of are looked at again
            by meaning, some ten milliseconds each; ``auto`` is where the extra
            ``dense`` is installed and the model has a second stage.
    """

    model_dir: str = ""
    rules: str = ""
    stage: str = "growth"
    arithmetic: Literal["auto", "native", "plain"] = "auto"
    second_stage: Literal["auto", "off"] = "auto"


class ReplyClockConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    A reply clock, as marketplaces rate a shop's people by.

    Attributes:
        within_s: A person must answer so soon.

        opens / closes: Messages in between count, as in ``08:00``.

        goal: Share to be met; the desk warns below it.
    """

    within_s: Seconds
    opens: time = time(8)
    closes: time = time(23)
    goal: Share = 0.85
    utc_offset_min: Annotated[int, msgspec.Meta(ge=-720, le=840)] = 480


class SignOnConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    The company's OpenID provider, for signing in at the desk.

    Register ``<public_url>/v1/desk/sign-on/callback`` there. Accounts, shops and roles
    stay ours (``tidegate operator add NAME --sign-on``); the provider only proves the name.

    Attributes:
        issuer: As in the provider's own description; empty means none.

        client_secret: Or in *client_secret_file*; empty for a public client.

        claim: Of the ID token, that is the account's name. With ``email``, a verified
            address of *domain*, and the account is the part before the @.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    client_secret_file: str = ""
    claim: str = "preferred_username"
    domain: str = ""


class PeopleConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    The human queue.

    Attributes:
        max_queue: Who may wait of one skill group.

        wrap_s: How long an operator may wrap up a closed talk before the next; 0 none.

        first_reply_s: A talk whose operator said nothing for so long goes back.

        max_hops: Transfers of one talk before it becomes a ticket.

        reply_clocks: Profiles of reply clocks beside ``3min`` and ``5min``.

        session_hours: How long an operator stays signed in.
    """

    max_queue: Count = 200
    max_eta_s: Seconds = 1_800.0
    offer_s: Seconds = 20.0
    wrap_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 45.0
    first_reply_s: Seconds = 120.0
    max_hops: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    reply_clocks: dict[str, ReplyClockConfig] = msgspec.field(default_factory=dict)
    sign_on: SignOnConfig = SignOnConfig()
    session_hours: Annotated[float, msgspec.Meta(gt=0, le=8_760)] = 12.0


class ChannelConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    One channel of a shop.

    Attributes:
        key: Bearer key of the channel. Empty: one is made at the first start
            and kept in the data folder.

        key_file: File that holds the key instead.

        allows_visitors: Browsers may open anonymous conversations.

        origins: Web origins that may do so; empty means the gateway's own.

        identity_secret: Shared with the shop's server, which signs who a visitor is
            with it: at least 32 characters.

        platform: The IM platform, or other system, behind the channel.

        labels_machine: Put "AI" in front of what a machine says there.

        resends_unknown: Send again what may have arrived already, where the
            platform cannot tell; else such a send is counted and left.
    """

    name: str
    key: str = ""
    key_file: str = ""
    allows_visitors: bool = False
    origins: tuple[str, ...] = ()
    identity_secret: str = ""
    identity_secret_file: str = ""
    platform: Platform | None = None
    labels_machine: bool = True
    resends_unknown: bool = False


class SimulatedConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    An engine that only takes its time, in place of a tier's own: for load runs.

    Attributes:
        mean_s / cv: Of the delay of an answer.

        most: Turns at once before it refuses; 0 for no bound.

        asks_llm: It takes the time of the tier's language model instead.

        escalates: Share of turns that it hands on.
    """

    tier: Literal["L2", "L3"] = "L3"
    mean_s: Seconds = 1.0
    cv: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.7
    most: Annotated[int, msgspec.Meta(ge=0)] = 0
    asks_llm: bool = False
    escalates: Share = 0.0


class HoursConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    When a shop's people work; promises of tickets are made in this time.

    Attributes:
        days: Working days, Monday is 1.

        opens / closes: On each of them, as in ``08:00``; ``00:00`` to close at midnight.

        holidays: Days on which nobody works, as in ``2026-10-01``.

        utc_offset_min: Of the shop's clock, east of UTC.
    """

    days: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    opens: time = time(0)
    closes: time = time(0)
    holidays: tuple[date, ...] = ()
    utc_offset_min: Annotated[int, msgspec.Meta(ge=-720, le=840)] = 480


class ShopConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One shop: what it knows, what it allows, where its business system is.

    Attributes:
        facts: Page of facts that rule packs fill in; empty means none, and what a
            pack states of shops is not said: the shop's documents answer.

        knowledge: Folder of documents with a strict header; empty means none.
            ``tidegate kb ingest`` adds documents of any kind.

        business_url: Base address of the shop's business system; empty means
            none, and L2/L3 do without.

        business_effects: What it does with the key of an effect: the same key takes
            effect once (``idempotent``), keys can only be looked up (``findable``), or
            they mean nothing (``blind``: a lost answer goes to a person).

        business_operations: Mapping file of the shop's own operations, by its OpenAPI
            document or as tools of an MCP server at *business_url*; empty means that
            it speaks the port as it is. The file then says what keys do.

        weight: Share of the contended tiers under overload, beside other shops.

        reply_clock: How people's replies are rated: ``3min``, ``5min`` (08:00-23:00,
            UTC+8), a profile of ``[people.reply_clocks]``, or empty for not at all.
    """

    id: str
    weight: Annotated[float, msgspec.Meta(ge=0.01, le=1_000)] = 1.0
    hours: HoursConfig = HoursConfig()
    reply_clock: str = "3min"
    simulated: tuple[SimulatedConfig, ...] = ()
    packs: tuple[str, ...] = ("packs/ecommerce.yaml",)
    facts: str = ""
    knowledge: str = ""
    policy: str = "policies/default.yaml"
    voices: tuple[str, ...] = ("voice/default.yaml", "voice/agent.yaml")
    business_url: str = ""
    business_key: str = ""
    business_key_file: str = ""
    business_timeout_s: Seconds = 3.0
    business_effects: Literal["idempotent", "findable", "blind"] = "idempotent"
    business_operations: str = ""
    channels: tuple[ChannelConfig, ...] = ()


class LogConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Attributes:
        path: File for the canonical lines; empty means standard error.

        level: How much is told.
    """

    path: str = ""
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything, as the composition root sees it."""

    data_dir: str = ".tidegate"
    demo: bool = False
    server: ServerConfig = ServerConfig()
    store: StoreConfig = StoreConfig()
    limits: LimitsConfig = LimitsConfig()
    dispatch: DispatchConfig = DispatchConfig()
    router: RouterConfig = RouterConfig()
    people: PeopleConfig = PeopleConfig()
    log: LogConfig = LogConfig()
    llm: LlmConfig = LlmConfig()
    shops: tuple[ShopConfig, ...] = ()


def shipped(name: str) -> Path:
    """
    Path of a file under ``configs/``: the source tree's, else the package's.
    """
    source_tree = Path(__file__).resolve().parent.parent / "configs" / name
    if source_tree.exists():
        return source_tree
    return Path(str(resources.files("gateway") / "configs" / name))


def resolve(name: str, beside: Path | None = None) -> Path:
    """
    Find a file a setting names: absolute, beside the config file, or shipped.

    Raises:
        ConfigError: If it is nowhere.
    """
    candidates = [Path(name)] if Path(name).is_absolute() else []
    if beside is not None:
        candidates.append(beside / name)
    candidates.append(shipped(name))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise ConfigError(
        f"{name}: no such file; looked at {', '.join(map(str, candidates))}"
    )
