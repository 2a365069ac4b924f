"""`manage.py prepare`: bring every database and the broker to what the code expects.

Idempotent; `manage.py up` runs it after the servers answer and before the
services start, with the operator's identity.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from articles.figures.incident import FOLDER as RECORDINGS
from articles.owner.seeding import import_seeds
from articles.seeding import prepare_articles
from chaos.experiments.repository import keep_recordings
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.topology import connect, declare
from cluster.operations.broker_users import make_users
from cluster.operations.migration_review import objections
from cluster.secrets.addresses import operators_broker_url
from cluster.secrets.postgres import DatabaseSession, database
from cluster.services import load_all
from cluster.storefront.seed import list_products
from cluster.tracing.context import sampled
from compose.replicas import replicas
from config.environment import ROOT
from portfolio.admin_site.groups import ensure_groups
from portfolio.admin_site.owner import ensure_owner, password_file


class Command(BaseCommand):
    """Migrate the databases, declare the broker's topology, list the first products.

    Also gather the static files for the web server, import the first words, incidents and
    articles, and make the groups and the first account.
    """

    help = "Bring every database and the broker to what the code expects."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--beside-earlier",
            action="store_true",
            help="refuse migrations that running processes of the revision before cannot live with",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["beside_earlier"]:
            _refuse_what_takes_away()
        # In parallel: it computes for seconds, while the rest waits for databases.
        files = subprocess.Popen([sys.executable, "-m", "config.static_build"], cwd=ROOT)
        for alias in connections:
            call_command("migrate", database=alias, verbosity=0, interactive=False)
            self.stdout.write(f"migrated {alias}")
        broker = connect(operators_broker_url())
        declare(broker, load_all(), partitions=replicas())
        broker.close()
        self.stdout.write("declared the broker's queues")
        self.stdout.write(f"the broker has {make_users()} users with rights of their own")
        with sampled(0.0), unit_of_work(DatabaseSession(database("site")), source="site") as work:
            listed = list_products(work)
        self.stdout.write(f"sent {listed} products to the catalog")
        # If it failed, the web server says why in its log, and serves plain names.
        if files.wait() == 0:
            self.stdout.write("gathered the static files")
        written, refusals = import_seeds()
        self.stdout.write(f"wrote {written} of the owner's words")
        for sentence in refusals:
            self.stdout.write(sentence)
        self.stdout.write(f"kept {keep_recordings(RECORDINGS)} incidents of the articles")
        for sentence in prepare_articles():
            self.stdout.write(sentence)
        ensure_groups()
        if ensure_owner():
            self.stdout.write(f"made the account owner; its first password is in {password_file()}")


def _refuse_what_takes_away() -> None:
    """Raise CommandError, before anything is changed, for a migration that is to come too soon."""
    found: dict[str, None] = {}
    for alias in connections:
        executor = MigrationExecutor(connections[alias])
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        found |= dict.fromkeys(objections(migration for migration, _ in plan))
    if found:
        raise CommandError(
            "Processes of the revision before cannot live with what is to be migrated. Stop the "
            "platform with `manage.py down`, and start this revision with `manage.py up`. "
            + "; ".join(found)
        )
