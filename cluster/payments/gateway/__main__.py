"""Run the gateway: python -m cluster.payments.gateway."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from aiohttp import web

from cluster.payments.gateway.keys import ProviderKeys
from cluster.payments.gateway.server import Gateway
from cluster.payments.provider_keys import ENTRY, read_keys
from cluster.secrets.postgres import Database
from cluster.secrets.secret_reader import read_secret, shared_client
from config import environment, logs


def main() -> None:
    """Serve on PAYMENTS_WEBHOOK_URL until SIGTERM."""
    logs.configure()
    address = urlsplit(environment.setting("PAYMENTS_WEBHOOK_URL"))
    database = Database("payments")
    read_secret(ENTRY)  # which waits until Vault is there
    vault = shared_client()
    gateway = Gateway(
        database,
        provider_url=environment.provider_url,
        keys=ProviderKeys(partial(read_keys, vault)),
        vault=vault,
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
