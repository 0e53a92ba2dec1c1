"""
The composition root: the only module that sees everything.

Wiring only. :meth:`Gateway.open` connects, loads and starts; :meth:`Gateway.close`
undoes it in reverse. Tests open the same gateway with the same calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from engines import guard
from engines.contract import Tier
from engines.llm import LlmClient, open_clients, states_of, warm_models
from gateway.admission.admission import Admission
from gateway.answering import Answerer, ShopService
from gateway.approvals import Approvals
from gateway.audit_archive import FOLDER, AuditArchive
from gateway.audit_log import AuditLog, RefusedKeys
from gateway.channels.room import Channels
from gateway.clock import wall_ms
from gateway.config import Config
from gateway.desk_help import DeskHelp
from gateway.disk_room import DiskRoom
from gateway.dispatch import Dispatcher
from gateway.drafts import Drafts
from gateway.fitting import (
    agents_of,
    channel_accounts,
    count_endings,
    count_outcomes,
    demo_customers,
    door_limits,
    handoff_mover,
    kept_packs,
    open_answerer,
    open_conversations,
    open_sign_on,
    open_stages,
    settling,
    shelved,
    turn_work,
)
from gateway.handoff.accounts import Accounts
from gateway.handoff.desk import Desk
from gateway.handoff.feed import DeskFeed
from gateway.handoff.mover import Mover
from gateway.handoff.queue import Handoffs
from gateway.history import HistoryKeeper
from gateway.http.corrections import CorrectionsApi
from gateway.http.door import Parts, open_door
from gateway.http.intake import HotRoute
from gateway.http.judging import judge
from gateway.http.models import ModelsApi
from gateway.http.stages import StagesApi
from gateway.http.system import Readiness, SystemApi
from gateway.http.tide import TideApi
from gateway.librarian import Librarian
from gateway.live import Live
from gateway.models import ModelKeeper
from gateway.outcomes import OutcomesKeeper
from gateway.overview import OverviewKeeper
from gateway.pack_keeper import PackKeeper
from gateway.people import People
from gateway.previews import Previews
from gateway.rounds import Keeper, Rounds
from gateway.routers import keep_models, open_registry, open_second, stage_named
from gateway.services import (
    open_questions,
    open_services,
    read_stages,
    use_arithmetic,
)
from gateway.stages import Stages
from gateway.store.audit import HOUSE, AuditStore
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.data_version import bring_up_to_date
from gateway.store.durability import probe
from gateway.store.handoff import HandoffStore
from gateway.store.journal import StoreJournal
from gateway.store.ledger import StoreLedger
from gateway.store.operators import OperatorStore
from gateway.store.remarks import Remarks
from gateway.store.stages import StageStore
from gateway.store.threads import Threads
from gateway.store.tide import TideStore
from gateway.store.wakeups import Wakeups
from gateway.sweeper import Sweeper
from gateway.telemetry import Telemetry
from gateway.tide import Tide, open_admission
from router_models.corrections import CORRECTIONS
from router_models.text import locale_of


#: The pages' files.
PAGES = Path(__file__).parent / "web"


class _Core(NamedTuple):
    """What all work of a process stands on."""

    telemetry: Telemetry
    scripts: Scripts
    conversations: Conversations
    keeper: ModelKeeper
    ledger: StoreLedger
    llms: Mapping[Tier, LlmClient]
    services: dict[str, ShopService]
    librarian: Librarian
    packs: PackKeeper
    audit: AuditLog


class _Work(NamedTuple):
    """Who does a turn's work."""

    mover: Mover
    handoffs: Handoffs
    people: People
    admission: Admission
    answerer: Answerer
    drafts: Drafts


class Gateway:
    """One process's gateway: an ASGI application and what runs behind it."""

    def __init__(self, resources: AsyncExitStack) -> None:
        self._resources = resources
        self.asgi: HotRoute
        self.dispatcher: Dispatcher
        self.room: DiskRoom
        self._sweeper: Sweeper
        self.rounds: dict[str, Rounds] = {}
        self._live: Live
        self._feed: DeskFeed
        self.stages: Stages
        self._outcomes: OutcomesKeeper
        self._history: HistoryKeeper
        self.channels: Channels

    @classmethod
    async def open(cls, config: Config, visitor_secret: str) -> Gateway:
        """
        Connect to the store, load every shop, start the background loops.

        Raises:
            ConfigError, BadFile, ArtifactError: If something named in the
                configuration cannot be used.
            StoreUnavailable: If the store does not answer.
        """
        async with AsyncExitStack() as resources:
            gateway = cls(resources)
            await gateway._build(config, visitor_secret)
            gateway._sweeper.start()
            gateway.channels.start()
            for rounds in gateway.rounds.values():
                rounds.start()
            gateway._resources = resources.pop_all()
        return gateway

    def begin_drain(self) -> None:
        """Take no more messages and end the followers; called on SIGTERM."""
        self.dispatcher.begin_drain()
        self._live.close()
        self._feed.close()

    async def close(self, limit_s: float) -> None:
        """Finish what runs, give back what is left, close; idempotent."""
        self.begin_drain()
        await self.channels.disconnect()
        await self.dispatcher.drain(limit_s)
        await self.channels.stop()
        await self._sweeper.stop()
        await self._resources.aclose()

    async def _build(self, config: Config, secret: str) -> None:
        core = await self._open_core(config)
        work = self._open_work(config, secret, core)
        self.channels = self._open_channels(config, core, work.people)
        self._live = Live(
            core.conversations,
            Wakeups(core.scripts),
            Remarks(core.scripts, log_keep=config.store.log_keep),
        )
        desk = Desk(work.mover, work.handoffs)
        self._feed = DeskFeed(desk, HandoffStore(core.scripts))
        outcomes = self._outcomes = count_outcomes(
            config, core.scripts, core.telemetry, self.stages
        )
        self._again("outcomes", outcomes, core.telemetry)
        endings = count_endings(config, core.scripts, core.telemetry)
        self._again("endings", endings, core.telemetry)
        self._history = HistoryKeeper(core.scripts, core.telemetry, wall_ms)
        self._resources.push_async_callback(self._history.last)
        self._again("history", self._history, core.telemetry)
        shops = [shop.id for shop in config.shops]
        tide = TideStore(core.scripts)
        self._sweeper = Sweeper(
            core.conversations,
            self.dispatcher,
            work.people,
            settling(config, core.ledger, core.services),
            Tide(
                work.admission,
                tide,
                core.telemetry,
                shops,
                lambda: warm_models(core.llms.values()),
                wall_ms,
            ),
            core.telemetry,
            shops,
            renew_s=config.store.lease_ms / 3000,
        )
        parts = await self._parts(config, core, work, desk, tide)
        self.asgi = open_door(parts, door_limits(config), secret, PAGES)

    async def _open_core(self, config: Config) -> _Core:
        """Store, models, ledger and shops: what all work stands on."""
        telemetry = Telemetry(log_path=config.log.path, level=config.log.level)
        self._resources.callback(telemetry.lines.close)
        scripts = await Scripts.connect(
            config.store.url, replicas=config.store.replicas
        )
        self._resources.push_async_callback(scripts.close)
        await bring_up_to_date(scripts)
        keeper = keep_models(config, telemetry)
        self._again("models", keeper, telemetry)
        ledger = StoreLedger(
            scripts,
            wall_ms,
            on_move=lambda action: telemetry.action_moved(action.recipe, action.state),
        )
        llms = await self._resources.enter_async_context(
            open_clients(config.llm, telemetry.llm_call, probes=True)
        )
        questions = open_questions(self._resources)
        services = await open_services(
            config.shops,
            Path(config.data_dir),
            ledger,
            wall_ms,
            self._resources,
            llms,
            questions,
            StoreJournal(scripts, int(config.store.dedup_days * 86_400)),
        )
        use_arithmetic(services, config.router.arithmetic)
        librarian = Librarian(shelved(config, services, questions), telemetry)
        self._again("librarian", librarian, telemetry)
        packs = PackKeeper(kept_packs(config, services), telemetry)
        self._again("pack_keeper", packs, telemetry)
        return _Core(
            telemetry=telemetry,
            scripts=scripts,
            conversations=open_conversations(config.store, scripts),
            keeper=keeper,
            ledger=ledger,
            llms=llms,
            services=services,
            librarian=librarian,
            packs=packs,
            audit=self._audit(config, scripts, telemetry),
        )

    def _audit(
        self, config: Config, scripts: Scripts, telemetry: Telemetry
    ) -> AuditLog:
        """Who did what; old lines become files."""
        store = AuditStore(scripts)
        log = AuditLog(store, wall_ms, telemetry)
        archive = AuditArchive(
            store,
            Path(config.data_dir) / FOLDER,
            (*(shop.id for shop in config.shops), HOUSE),
            config.store.audit_days,
            wall_ms,
        )
        self._again("audit_archive", archive, telemetry)
        self._again("refused_keys", RefusedKeys(log, telemetry.refused), telemetry)
        return log

    def _again(self, name: str, keeper: Keeper, telemetry: Telemetry) -> None:
        """Let *keeper* look again and again once this gateway is open."""
        rounds = self.rounds[name] = Rounds(name, keeper, telemetry.loop_failed)
        self._resources.push_async_callback(rounds.stop)

    def _open_work(self, config: Config, secret: str, core: _Core) -> _Work:
        """Admission, answers and people; sets the dispatcher."""
        mover = handoff_mover(config, core.scripts, core.conversations, core.services)
        handoffs = Handoffs(mover)
        people = People(handoffs, core.conversations)
        admission = open_admission(config, secret, wall_ms)
        stages = self.stages = open_stages(
            config, core.scripts, core.telemetry, core.keeper
        )
        read_stages(core.services, lambda turn: stages.stage_of(turn).name)
        self._again("stages", stages, core.telemetry)
        core.telemetry.on_turn = stages.ended
        answerer = open_answerer(
            config.dispatch,
            stages.decide,
            core.services,
            admission,
            core.telemetry.engine_fault,
            self._resources,
            stages.allows,
            open_second(config, stages.router_of, core.telemetry, self._resources),
        )
        self.room = DiskRoom(Path(config.data_dir), config.store.least_free_mb)
        self._again("disk_room", self.room, core.telemetry)
        drafts = Drafts(Remarks(core.scripts).draft)
        self.dispatcher = Dispatcher(
            core.conversations,
            core.services,
            turn_work(config, answerer, admission, drafts),
            people,
            core.telemetry,
            reply_wait_s=config.dispatch.reply_wait_s,
            commit_wait_s=config.store.lease_ms / 1000,
            why_shut=self.room.why_shut,
        )
        return _Work(mover, handoffs, people, admission, answerer, drafts)

    async def _parts(
        self, config: Config, core: _Core, work: _Work, desk: Desk, tide: TideStore
    ) -> Parts:
        """What the door needs of everything behind it."""
        corrected = Path(config.data_dir) / CORRECTIONS
        return Parts(
            dispatcher=self.dispatcher,
            live=self._live,
            people=work.people,
            desk=desk,
            feed=self._feed,
            channels=self.channels,
            outcomes=self._outcomes,
            overview=OverviewKeeper(
                core.telemetry, self._outcomes, self.stages, wall_ms
            ),
            history=self._history,
            stages=StagesApi(
                stages=self.stages,
                store=StageStore(core.scripts),
                load=stage_named,
                wall_ms=wall_ms,
            ),
            packs=core.packs,
            previews=Previews(work.answerer, core.services),
            drafts=work.drafts,
            threads=Threads(core.scripts),
            accounts=Accounts(
                OperatorStore(core.scripts), config.people.session_hours * 3600
            ),
            audit=core.audit,
            approvals=Approvals(core.ledger, agents_of(core.services), wall_ms),
            system=await self._system(config, core),
            desk_help=DeskHelp(
                core.services,
                guard.check,
                work.admission,
                self._live,
                HandoffStore(core.scripts),
                wall_ms,
                corrected=corrected,
            ),
            librarian=core.librarian,
            tide=TideApi(
                admission=work.admission,
                store=tide,
                voices={shop: one.voice for shop, one in core.services.items()},
                wall_ms=wall_ms,
            ),
            models=ModelsApi(registry=open_registry(config), wall_ms=wall_ms),
            corrections=CorrectionsApi(
                path=corrected,
                model=lambda: core.keeper.fleet.version,
                wall_ms=wall_ms,
            ),
            telemetry=core.telemetry,
            locale_of=locale_of,
            wall_ms=wall_ms,
            presence_s=work.mover.policy.presence_s,
            demo=demo_customers() if config.demo else (),
            provider=open_sign_on(config.people.sign_on, self._resources),
        )

    def _open_channels(self, config: Config, core: _Core, people: People) -> Channels:
        channels = Channels(
            channel_accounts(config),
            core.scripts,
            core.conversations,
            self.dispatcher,
            people,
            core.telemetry,
            core.audit,
            locale_of=locale_of,
            wall_ms=wall_ms,
            dedup_s=config.store.dedup_days * 86_400,
            text_chars=config.limits.text_chars,
        )
        self._resources.push_async_callback(channels.accounts.close)
        return channels

    async def _system(self, config: Config, core: _Core) -> SystemApi:
        durability = await probe(core.scripts)
        core.telemetry.durability(durability.level, durability.reason)
        fleet = core.keeper.fleet

        async def readiness() -> Readiness:
            is_up, shut = core.scripts.is_up, self.room.why_shut()
            return Readiness(
                is_ready=is_up and not shut and not self.dispatcher.is_draining,
                store="away" if not is_up else "full" if shut else "up",
                durability=durability.level,
                why=durability.reason,
                shut=shut,
                model=fleet.version,
                arithmetic=fleet.active.router.model.arithmetic.name,
                shops=tuple(shop.id for shop in config.shops),
                llm=states_of(core.llms.values()),
            )

        return SystemApi(
            telemetry=core.telemetry, readiness=readiness, judge=judge(fleet)
        )
