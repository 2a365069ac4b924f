"""Maps names that the source had before 30 November 2026 to those of today.

Articles, bookmarks and links in the owner's texts keep the name under which they were written
(docs/adr/0031-one-direction.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Packages and modules; the longest name that fits counts.
MODULES: Final = {
    "articles.cards": "articles.views",
    "articles.editing.numbers": "articles.editing.forms",
    "articles.feed_html": "articles.feeds",
    "articles.figures.picture": "articles.figures.fill",
    "articles.markdown.captioned": "articles.markdown.framing",
    "articles.markdown.drawings": "articles.markdown.framing",
    "articles.markdown.making": "articles.markdown.render_context",
    "articles.markdown.measured": "articles.markdown.framing",
    "articles.markdown.notes": "articles.markdown.framing",
    "articles.markdown.prose": "articles.markdown.render",
    "articles.reading": "articles.queries",
    "articles.sources": "articles.markdown.listings",
    "chaos.benchmarks.table": "chaos.management.commands.bench",
    "chaos.checkers": "cluster.health.checkers",
    "chaos.checkers.hearing": "cluster.health.checkers.subscriptions",
    "chaos.drivers.choose": "chaos.drivers.driver",
    "chaos.drivers.stopped": "chaos.drivers.local",
    "chaos.experiments.declarations.kills": "chaos.experiments.declarations.processes",
    "chaos.experiments.declarations.pauses": "chaos.experiments.declarations.processes",
    "chaos.experiments.deliveries": "chaos.experiments.conclusion",
    "chaos.experiments.excerpt": "chaos.experiments.run",
    "chaos.experiments.method": "chaos.experiments.experiment",
    "chaos.experiments.orders": "chaos.experiments.load",
    "chaos.experiments.profile": "chaos.experiments.experiment",
    "chaos.experiments.step": "chaos.experiments.experiment",
    "chaos.experiments.store": "chaos.experiments.repository",
    "chaos.faults.armed": "cluster.health.armed_faults",
    "chaos.faults.hard": "chaos.faults.fault",
    "chaos.faults.heal_command": "chaos.management.commands.chaos",
    "chaos.observer": "cluster.health.observer",
    "chaos.observer.history": "cluster.health.observer.models",
    "chaos.observer.letters": "cluster.health.observer.dead_letters",
    "chaos.observer.store": "cluster.health.observer.repository",
    "chaos.pages": "portfolio.chaos_pages.content",
    "chaos.pages.surgery": "portfolio.chaos_pages.content.message_editing",
    "chaos.probes": "cluster.health.probes",
    "chaos.repeating": "config.waiting",
    "chaos.reports.durations": "chaos.safety.permits",
    "chaos.runner.announcement": "chaos.runner.execution",
    "chaos.runner.by_hand": "chaos.runner.execution",
    "chaos.runner.running": "cluster.health.running_experiment",
    "chaos.status": "portfolio.chaos_pages.views.board",
    "chaos.surgery": "chaos.message_editing",
    "chaos.templatetags": "portfolio.templatetags",
    "chaos.toolkit.session": "chaos.experiments.stages",
    "chaos.toolkit.steady": "chaos.experiments.steady",
    "chaos.urls": "portfolio.chaos_pages.urls",
    "chaos.views": "portfolio.chaos_pages.views",
    "chaos.views.surgery": "portfolio.chaos_pages.views.message_editing",
    "cluster.catalog.app": "cluster.catalog.service",
    "cluster.catalog.domain.description": "cluster.catalog.domain.product",
    "cluster.catalog.domain.stock": "cluster.catalog.domain.product",
    "cluster.catalog.erasure": "cluster.catalog.handlers",
    "cluster.catalog.store": "cluster.catalog.repository",
    "cluster.checkout.app": "cluster.checkout.service",
    "cluster.checkout.erasure": "cluster.checkout.handlers",
    "cluster.health.observer.history": "cluster.health.observer.models",
    "cluster.health.observer.kept_span": "cluster.health.observer.span_store",
    "cluster.identity.app": "cluster.identity.service",
    "cluster.identity.store": "cluster.identity.repository",
    "cluster.kit.design.contrast": "cluster.kit.design.tokens",
    "cluster.kit.graph.outages": "cluster.kit.graph.model",
    "cluster.kit.graph.palette": "cluster.kit.graph.draw",
    "cluster.kit.graph.words": "cluster.kit.graph.draw",
    "cluster.management.commands.prepare": "portfolio.management.commands.prepare",
    "cluster.messaging.disturbance": "cluster.messaging.fault_injection",
    "cluster.messaging.failures": "cluster.messaging.work",
    "cluster.messaging.journal_digest": "cluster.messaging.row_digest",
    "cluster.messaging.notices": "cluster.messaging.system_events",
    "cluster.messaging.retention": "cluster.messaging.streams",
    "cluster.messaging.storable": "cluster.messaging.envelope",
    "cluster.messaging.surgery": "cluster.messaging.fault_commands",
    "cluster.operations.checkouts": "cluster.operations.checkout_client",
    "cluster.operations.deadletters": "cluster.operations.dead_letters",
    "cluster.operations.observed": "cluster.operations.status",
    "cluster.operations.progress": "cluster.health.progress",
    "cluster.operations.verification": "cluster.operations.verify",
    "cluster.operations.verify_view": "cluster.operations.verify",
    "cluster.operations.vitals": "cluster.health.vitals",
    "cluster.orders.app": "cluster.orders.service",
    "cluster.orders.erasure": "cluster.orders.handlers",
    "cluster.orders.store": "cluster.orders.repository",
    "cluster.payments.app": "cluster.payments.service",
    "cluster.payments.erasure": "cluster.payments.handlers",
    "cluster.payments.store": "cluster.payments.repository",
    "cluster.sagas.store": "cluster.sagas.repository",
    "cluster.secrets.broker": "cluster.secrets.addresses",
    "cluster.secrets.cache": "cluster.secrets.addresses",
    "cluster.secrets.census": "cluster.secrets.connection_tracker",
    "cluster.secrets.keeper": "cluster.secrets.lease_renewer",
    "cluster.secrets.patience": "cluster.secrets.secret_reader",
    "cluster.secrets.private_file": "cluster.secrets.provisioning",
    "cluster.secrets.signing": "cluster.secrets.secret_reader",
    "cluster.storefront.journal.fields": "cluster.storefront.models",
    "cluster.storefront.journal.sink": "cluster.storefront.journal.recorder",
    "cluster.storefront.products.changes": "cluster.storefront.journal.wake",
    "cluster.storefront.products.models": "cluster.storefront.models",
    "cluster.storefront.products.own": "cluster.storefront.products",
    "cluster.storefront.products.queries": "cluster.storefront.products",
    "cluster.storefront.products.search": "cluster.storefront.queries",
    "cluster.storefront.products.statistics": "cluster.storefront.queries",
    "cluster.storefront.stream.origin": "portfolio.edge.websocket_limit",
    "cluster.storefront.tokens.models": "cluster.storefront.models",
    "cluster.storefront.visitor_limit": "cluster.storefront.admission",
    "cluster.tracing.message_spans": "cluster.messaging.message_spans",
    "cluster.tracing.request": "cluster.tracing.context",
    "cluster.tracing.span": "cluster.tracing.recorder",
    "compose.backoff": "compose.process",
    "compose.waiting": "config.waiting",
    "compose.watching": "compose.circus_overrides",
    "config.asgi": "portfolio.asgi",
    "config.router": "cluster.database_router",
    "config.routes": "config.fault_routes",
    "config.settings": "portfolio.settings",
    "config.urls": "portfolio.urls",
    "config.web": "portfolio.server",
    "portfolio.admin_site.accounts": "portfolio.admin",
    "portfolio.admin_site.deadletters": "portfolio.admin_site.dead_letters",
    "portfolio.admin_site.letters": "portfolio.admin_site.dead_letter_client",
    "portfolio.admission": "cluster.storefront.admission",
    "portfolio.ambient": "cluster.storefront.ambient_load",
    "portfolio.api.body": "portfolio.api.api",
    "portfolio.api.pace": "portfolio.api.rate_limits",
    "portfolio.api.pages": "portfolio.api.schemas",
    "portfolio.api.retention": "cluster.storefront.retention",
    "portfolio.api.signing_keys": "portfolio.api.tokens",
    "portfolio.api.tracecontext": "portfolio.api.guard",
    "portfolio.app": "cluster.storefront.service",
    "portfolio.architecture.knowledge": "portfolio.architecture.descriptions",
    "portfolio.architecture.narrow": "portfolio.architecture.layout_mobile",
    "portfolio.architecture.reading": "portfolio.architecture.queries",
    "portfolio.architecture.wide": "portfolio.architecture.layout_desktop",
    "portfolio.architecture.yard": "portfolio.architecture.layout_service",
    "portfolio.cache_redis": "cluster.kit.cache_redis",
    "portfolio.chaos_pages.content.run_times": "portfolio.chaos_pages.content.phases",
    "portfolio.chaos_pages.content.switch": "portfolio.chaos_pages.content.queue",
    "portfolio.chaos_pages.status": "portfolio.chaos_pages.views.board",
    "portfolio.chaos_pages.views.composing": "portfolio.chaos_pages.views.experiments",
    "portfolio.chaos_pages.views.recoveries": "portfolio.chaos_pages.views.incidents",
    "portfolio.contact.accept": "cluster.storefront.contact.accept",
    "portfolio.contact.mail": "cluster.storefront.contact.mail",
    "portfolio.contact.models": "cluster.storefront.contact.models",
    "portfolio.contact.passes": "portfolio.contact.form_token",
    "portfolio.demos.cache_invalidation": "portfolio.demos.scenarios.cache_invalidation",
    "portfolio.demos.cache_stampede": "portfolio.demos.scenarios.cache_stampede",
    "portfolio.demos.checkout": "portfolio.demos.scenarios.checkout",
    "portfolio.demos.circuit_breaker": "portfolio.demos.scenarios.circuit_breaker",
    "portfolio.demos.erasure": "portfolio.demos.scenarios.erasure",
    "portfolio.demos.event_flow": "portfolio.demos.scenarios.event_flow",
    "portfolio.demos.fixed_window": "portfolio.demos.scenarios.rate_limiter",
    "portfolio.demos.idempotency": "portfolio.demos.scenarios.idempotency",
    "portfolio.demos.journal_rows": "portfolio.demos.queries",
    "portfolio.demos.lanes": "portfolio.demos.result",
    "portfolio.demos.last_write_wins": "portfolio.demos.scenarios.optimistic_concurrency",
    "portfolio.demos.ledger": "portfolio.demos.scenarios.ledger",
    "portfolio.demos.message_editing": "portfolio.demos.scenarios.message_editing",
    "portfolio.demos.message_surgery": "portfolio.demos.scenarios.message_editing",
    "portfolio.demos.optimistic_concurrency": "portfolio.demos.scenarios.optimistic_concurrency",
    "portfolio.demos.outbox": "portfolio.demos.scenarios.outbox",
    "portfolio.demos.rate_limiter": "portfolio.demos.scenarios.rate_limiter",
    "portfolio.demos.reading": "portfolio.demos.queries",
    "portfolio.demos.refund": "portfolio.demos.scenarios.refund",
    "portfolio.demos.reservation_expiry": "portfolio.demos.scenarios.reservation_expiry",
    "portfolio.demos.retention": "cluster.storefront.retention",
    "portfolio.demos.saga_storm": "portfolio.demos.scenarios.saga_storm",
    "portfolio.demos.search": "portfolio.demos.scenarios.search",
    "portfolio.demos.secret_rotation": "portfolio.demos.scenarios.secret_rotation",
    "portfolio.demos.signatures": "portfolio.demos.scenarios.webhooks",
    "portfolio.demos.token_revocation": "portfolio.demos.scenarios.token_revocation",
    "portfolio.demos.tracing": "portfolio.demos.scenarios.tracing",
    "portfolio.demos.webhooks": "portfolio.demos.scenarios.webhooks",
    "portfolio.design": "cluster.kit.design",
    "portfolio.events": "cluster.storefront.events",
    "portfolio.graph": "cluster.kit.graph",
    "portfolio.headcode": "cluster.storefront.headcode",
    "portfolio.journal": "cluster.storefront.journal",
    "portfolio.journal.purge": "cluster.storefront.retention",
    "portfolio.lab.course": "portfolio.lab.time_series",
    "portfolio.metrics.requests": "portfolio.metrics.registry",
    "portfolio.owner": "articles.owner",
    "portfolio.owner.reading": "articles.owner.queries",
    "portfolio.pages.content": "portfolio.apps",
    "portfolio.pages.forms": "portfolio.pages.checkouts",
    "portfolio.pages.totals": "portfolio.pages.home",
    "portfolio.products": "cluster.storefront.products",
    "portfolio.products.cache": "portfolio.api.product_cache",
    "portfolio.readable": "cluster.kit.readable",
    "portfolio.requests": "cluster.storefront.checkout_intake",
    "portfolio.seed": "cluster.storefront.seed",
    "portfolio.source.definitions": "cluster.kit.source.definitions",
    "portfolio.source.highlight": "cluster.kit.source.highlight",
    "portfolio.source.resolve": "cluster.kit.source.resolve",
    "portfolio.source.revision": "config.revision",
    "portfolio.source.running": "cluster.kit.source.running",
    "portfolio.source.tree": "cluster.kit.source.tree",
    "portfolio.stream": "cluster.storefront.stream",
    "portfolio.tokens": "cluster.storefront.tokens",
    "portfolio.tokens.views": "portfolio.api.tokens",
    "portfolio.traces.reading": "portfolio.traces.queries",
    "portfolio.typefaces": "cluster.kit.design.typefaces",
    "portfolio.unit": "cluster.storefront.transactions",
    "portfolio.web": "portfolio.pages",
    "portfolio.web.body_limit": "portfolio.edge.body_limit",
    "portfolio.web.contact": "portfolio.contact.views",
    "portfolio.web.errors": "portfolio.edge.errors",
    "portfolio.web.headers": "portfolio.edge.headers",
    "portfolio.web.health": "portfolio.edge.health",
    "portfolio.web.lab": "portfolio.lab.views",
    "portfolio.web.navigation": "cluster.kit.navigation",
    "portfolio.web.pace": "portfolio.edge.rate_limit",
    "portfolio.web.page_answer": "cluster.kit.page_answer",
    "portfolio.web.page_cache": "cluster.kit.page_cache",
    "portfolio.web.page_memory": "cluster.kit.page_memory",
    "portfolio.web.page_store": "cluster.kit.page_store",
    "portfolio.web.pages": "portfolio.pages.journal",
    "portfolio.web.problems": "cluster.kit.problems",
    "portfolio.web.rate_limit": "portfolio.edge.rate_limit",
    "portfolio.web.readiness": "portfolio.edge.health",
    "portfolio.web.reading": "cluster.storefront.queries",
    "portfolio.web.robots": "portfolio.pages.sitemap",
    "portfolio.web.strip": "cluster.kit.status_strip",
    "portfolio.web.structured": "articles.structured",
    "portfolio.web.tally": "portfolio.pages.home",
    "portfolio.web.token_bucket": "portfolio.edge.token_bucket",
    "portfolio.web.tracing": "portfolio.edge.tracing",
    "portfolio.web.visitors": "cluster.kit.visitors",
}
# Folders of templates, static files and data, of which some files may have stayed.
FOLDERS: Final = {
    "chaos/static": "portfolio/static",
    "chaos/templates": "portfolio/templates",
    "compose/kubernetes/chaos": "compose/kubernetes-chaos",
    "portfolio/static/portfolio": "cluster/kit/static/kit",
    "portfolio/templates/portfolio": "cluster/kit/templates/kit",
    "tests/portfolio/graph": "tests/kit/graph",
}
# Classes and functions, by the module in which they lie today.
DEFINITIONS: Final = {
    "cluster.messaging.fault_injection:Disturbance": "FaultRule",
    "cluster.messaging.fault_injection:Disturbances": "FaultInjection",
    "cluster.operations.checkout_client:Counter": "CheckoutClient",
    "cluster.secrets.connection_tracker:ConnectionCensus": "ConnectionTracker",
    "cluster.secrets.lease_renewer:Keeper": "LeaseRenewer",
    "cluster.secrets.secret_reader:read_kv_patiently": "read_secret",
    "cluster.storefront.transactions:run_unit": "run_in_transaction",
    "cluster.tracing.context:Place": "SpanContext",
    "portfolio.edge.rate_limit:Pace": "FixedWindowLimiter",
}
# Classes and functions that lie in another module today.
ELSEWHERE: Final = {
    "articles.views:answers_when_away": "cluster.kit.problems:answers_when_away",
    "cluster.health.observer.dead_letters:KeptDeadLetter": (
        "cluster.messaging.queries:KeptDeadLetter"
    ),
    "cluster.health.vitals:Heartbeat": "cluster.messaging.heartbeats:Heartbeat",
    "cluster.operations.checkout_client:CheckoutState": (
        "cluster.storefront.repository:CheckoutRow"
    ),
    "cluster.operations.dead_letters:DeadLetter": "cluster.messaging.queries:KeptDeadLetter",
    "portfolio.demos.queries:Heard": "cluster.storefront.journal.queries:Entry",
    "portfolio.pages.owner_pages:owner": "articles.structured:person",
}
_FILE: Final = re.compile(r"(?P<module>[\w/]+)\.py(?P<lines>:[\d–-]+)?")


def moved(target: str) -> str | None:
    """Return today's name of a target of `resolve.locate`, or None if it has not moved."""
    file = _FILE.fullmatch(target)
    if file is not None:
        module = _module(file["module"].replace("/", "."))
        return None if module is None else f"{module.replace('.', '/')}.py{file['lines'] or ''}"
    folder, _, last = target.rpartition("/")
    if (today := moved_folder(folder)) is not None:
        return f"{today}/{last}"
    module_before, colon, name = target.partition(":")
    module = _module(module_before)
    first, dot, rest = name.partition(".")
    defined = f"{module or module_before}:{first}"
    if defined in ELSEWHERE:
        return f"{ELSEWHERE[defined]}{dot}{rest}"
    renamed = DEFINITIONS.get(defined)
    if module is None and renamed is None:
        return None
    return f"{module or module_before}{colon}{renamed or first}{dot}{rest}"


def moved_folder(path: str) -> str | None:
    """Return today's path of a folder, or None if it has not moved."""
    if (today := _renamed(path, FOLDERS, "/")) is not None:
        return today
    module = _module(path.replace("/", "."))
    return None if module is None else module.replace(".", "/")


def _module(before: str) -> str | None:
    """Return today's name of a module or package, or None if it has not moved."""
    today = _renamed(before, MODULES, ".")
    # Its package may have moved first, and then the module itself.
    return None if today is None else _module(today) or today


def _renamed(before: str, table: Mapping[str, str], separator: str) -> str | None:
    """Return the name with its longest beginning that the table has replaced, or None."""
    name, rest = before, ""
    while name:
        if name in table:
            return table[name] + rest
        name, mark, last = name.rpartition(separator)
        rest = f"{mark}{last}{rest}"
    return None
