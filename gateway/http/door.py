"""
The whole HTTP room, put together: what the composition root opens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from litestar.types import ControllerRouterHandler

from gateway.admission.rate import RateLimit
from gateway.approvals import Approvals
from gateway.audit_log import AuditLog
from gateway.channels.room import Channels
from gateway.config import LimitsConfig, PeopleConfig, ServerConfig, ShopConfig
from gateway.desk_help import DeskHelp
from gateway.dispatch import Dispatcher
from gateway.drafts import Drafts
from gateway.handoff.accounts import Accounts
from gateway.handoff.desk import Desk
from gateway.handoff.feed import DeskFeed
from gateway.handoff.single_sign_on import SingleSignOn
from gateway.history import HistoryKeeper
from gateway.http.actions import ACTION_PROBLEMS, action_routes
from gateway.http.audit import AuditApi, audit_routes
from gateway.http.auth import Authenticator, ChannelKey
from gateway.http.corrections import CorrectionsApi, correction_routes
from gateway.http.cors import Cors
from gateway.http.customers import CustomerApi
from gateway.http.demo import DemoCustomer, demo_customers
from gateway.http.desk import DESK_PROBLEMS, desk_routes
from gateway.http.desk_help import desk_help_routes
from gateway.http.desk_session import DeskApi
from gateway.http.history import history_routes
from gateway.http.intake import HotRoute, Intake
from gateway.http.knowledge import knowledge_routes
from gateway.http.models import MODEL_PROBLEMS, ModelsApi, model_routes
from gateway.http.openai import ChatApi
from gateway.http.outcomes import outcome_routes
from gateway.http.overview import OverviewApi, overview_routes
from gateway.http.packs import pack_routes
from gateway.http.pages import page_routes
from gateway.http.problems import GATEWAY, Table
from gateway.http.routes import build_routes
from gateway.http.sign_on import SignOnApi, sign_on_routes
from gateway.http.stages import StagesApi, stage_routes
from gateway.http.system import SystemApi
from gateway.http.tide import TideApi, tide_routes
from gateway.language import LocaleOf
from gateway.librarian import Librarian
from gateway.live import Live
from gateway.outcomes import OutcomesKeeper
from gateway.overview import OverviewKeeper
from gateway.pack_keeper import PackKeeper
from gateway.people import People
from gateway.previews import Previews
from gateway.store.threads import Threads
from gateway.telemetry import Telemetry


#: Every refusal's place on the wire.
TABLE: Table = {
    **GATEWAY,
    **DESK_PROBLEMS,
    **ACTION_PROBLEMS,
    **MODEL_PROBLEMS,
}
#: Signs of life an operator's page may miss before the operator counts as gone.
BEATS = 3


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The sections of the configuration that the door looks at."""

    server: ServerConfig
    limits: LimitsConfig
    people: PeopleConfig
    shops: tuple[ShopConfig, ...]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What stands behind the door.

    Attributes:
        presence_s: Silence after which an operator counts as gone.

        demo: Customers to speak as; empty outside the demo.

        provider: Of single sign-on at the desk; None if there is none.
    """

    dispatcher: Dispatcher
    live: Live
    people: People
    desk: Desk
    feed: DeskFeed
    channels: Channels
    outcomes: OutcomesKeeper
    overview: OverviewKeeper
    history: HistoryKeeper
    stages: StagesApi
    packs: PackKeeper
    previews: Previews
    drafts: Drafts
    threads: Threads
    accounts: Accounts
    audit: AuditLog
    approvals: Approvals
    system: SystemApi
    tide: TideApi
    desk_help: DeskHelp
    librarian: Librarian
    models: ModelsApi
    corrections: CorrectionsApi
    telemetry: Telemetry
    locale_of: LocaleOf
    wall_ms: Callable[[], int]
    presence_s: float
    demo: Sequence[DemoCustomer] = ()
    provider: SingleSignOn | None = None


def open_door(parts: Parts, limits: Limits, secret: str, pages: Path) -> HotRoute:
    """The ASGI application: the hot route in front of Litestar."""
    authenticator = Authenticator(_keys(limits.shops), secret, time.time)
    intake = _intake(parts, limits.limits)
    api = CustomerApi(
        intake=intake,
        authenticator=authenticator,
        live=parts.live,
        people=parts.people,
        shops={shop.id: shop for shop in limits.shops},
        visitor_opens=RateLimit(
            limits.limits.visitor_opens_per_s, limits.limits.visitor_opens_burst
        ),
        is_demo=bool(parts.demo),
        wall_ms=parts.wall_ms,
    )
    routes = build_routes(
        api,
        parts.system,
        parts.telemetry,
        table=TABLE,
        more=_more(parts, pages),
        provided={
            "desk_api": _desk_api(parts, limits.people),
            "audit_api": AuditApi(
                parts.audit, frozenset(shop.id for shop in limits.shops)
            ),
            "hooks": parts.channels.hooks,
            "tide": parts.tide,
            "outcomes": parts.outcomes,
            "overview_api": OverviewApi(
                keeper=parts.overview, desk=parts.desk, tide=parts.tide
            ),
            "history": parts.history,
            "stages_api": parts.stages,
            "packs": parts.packs,
            "librarian": parts.librarian,
            "desk_help": parts.desk_help,
            "actions": parts.approvals,
            "identity": parts.channels.identity,
            "chat_api": ChatApi(
                customers=api,
                previews=parts.previews,
                drafts=parts.drafts,
                threads=parts.threads,
                wall_ms=parts.wall_ms,
            ),
            "models_api": parts.models,
            "corrections_api": parts.corrections,
            "sign_on": SignOnApi(
                provider=parts.provider,
                public_url=limits.server.public_url,
                secret=secret,
                wall_s=time.time,
                tell=lambda why: parts.telemetry.event("sign_on_refused", why=why),
            ),
        },
        max_body_bytes=limits.server.max_body_bytes,
    )
    return HotRoute(
        routes,
        intake,
        authenticator,
        parts.telemetry,
        TABLE,
        limits.server.max_body_bytes,
        Cors(
            origin
            for shop in limits.shops
            for channel in shop.channels
            for origin in channel.origins
        ),
    )


def _intake(parts: Parts, limits: LimitsConfig) -> Intake:
    return Intake(
        parts.dispatcher,
        key_rate=RateLimit(limits.rate_per_s, limits.burst),
        visitor_rate=RateLimit(limits.visitor_rate_per_s, limits.visitor_burst),
        text_chars=limits.text_chars,
        locale_of=parts.locale_of,
        wall_ms=parts.wall_ms,
        route_of=parts.channels.accounts.route_of,
    )


def _more(parts: Parts, pages: Path) -> list[ControllerRouterHandler]:
    demo = [demo_customers(parts.demo)] if parts.demo else []
    return [
        *page_routes(pages),
        *desk_routes(),
        *desk_help_routes(),
        *sign_on_routes(),
        *tide_routes(),
        *outcome_routes(),
        *overview_routes(),
        *history_routes(),
        *stage_routes(),
        *pack_routes(),
        *action_routes(),
        *audit_routes(),
        *knowledge_routes(),
        *model_routes(),
        *correction_routes(),
        *demo,
    ]


def _desk_api(parts: Parts, people: PeopleConfig) -> DeskApi:
    return DeskApi(
        desk=parts.desk,
        accounts=parts.accounts,
        feed=parts.feed,
        live=parts.live,
        session_s=people.session_hours * 3600,
        beat_s=parts.presence_s / BEATS,
    )


def _keys(shops: Sequence[ShopConfig]) -> list[ChannelKey]:
    return [
        ChannelKey(shop=shop.id, channel=channel.name, key=channel.key)
        for shop in shops
        for channel in shop.channels
        if channel.key
    ]
