"""Run the sandbox provider: python -m cluster.payments.sandbox."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from cluster.payments.sandbox.books import Books
from cluster.payments.sandbox.server import Keys, Provider
from cluster.secrets.secret_reader import read_secret
from config import environment, logs


def main() -> None:
    """Serve on PROVIDER_URL, with the books in PROVIDER_DATA, until SIGTERM."""
    logs.configure()
    folder = environment.run_directory() / "data" / "provider"
    path = Path(environment.setting("PROVIDER_DATA", str(folder / "provider.sqlite3")))
    address = urlsplit(environment.setting("PROVIDER_URL"))
    secrets = read_secret("provider")
    keys = Keys(api_key=secrets["api_key"], webhook_secret=secrets["webhook_secret"])
    books = Books(path)
    provider = Provider(books, keys, webhook_url=environment.setting("PAYMENTS_WEBHOOK_URL"))
    web.run_app(
        provider.application(),
        host=address.hostname,
        port=address.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=1.0,
    )
    books.close()


if __name__ == "__main__":
    main()
