"""Run the gateway: python -m cluster.payments.gateway."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from aiohttp import web

from cluster.payments.gateway.server import Gateway
from cluster.secrets.patience import read_kv_patiently
from cluster.secrets.postgres import Database
from config import environment


def main() -> None:
    """Serve on PAYMENTS_WEBHOOK_URL until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    address = urlsplit(environment.setting("PAYMENTS_WEBHOOK_URL"))
    database = Database("payments")
    gateway = Gateway(
        database,
        provider_url=environment.provider_url,
        secrets=read_kv_patiently("provider"),
    )
    web.run_app(
        gateway.application(address.path),
        host=address.hostname,
        port=address.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=1.0,
    )
    database.close()


if __name__ == "__main__":
    main()
