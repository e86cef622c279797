"""The servers of one data folder: embedded, unless an address in the environment replaces them."""

import os
from collections.abc import Mapping

from portal.embedded.home import Home
from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey


class Servers:
    """PostgreSQL and Valkey for a portal."""

    def __init__(self, home: Home, environ: Mapping[str, str] = os.environ) -> None:
        self.home, self.environ = home, environ
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None

    @property
    def embedded_database(self) -> bool:
        return not self.environ.get("DATABASE_URL")

    def start(self) -> dict[str, str]:
        """Start what is embedded and return the addresses. Raises: StartError."""
        addresses: dict[str, str] = {}
        sockets = self.home.socket_folder()
        if self.environ.get("REDIS_URL"):
            addresses["REDIS_URL"] = self.environ["REDIS_URL"]
        else:
            self.valkey = Valkey(self.home.path, sockets, log=self.home.logs / "valkey.log")
            self.valkey.start()
            addresses["REDIS_URL"] = self.valkey.url()
        if self.embedded_database:
            self.postgres = Postgres(
                self.home.postgres, sockets, log=self.home.logs / "postgres.log"
            )
            self.postgres.start()
            addresses["DATABASE_URL"] = self.postgres.url("portal_app")
            addresses["DATABASE_OWNER_URL"] = self.postgres.url("portal_owner")
            addresses["DATABASE_SAFETY_URL"] = self.postgres.url("portal_safety")
        else:
            addresses["DATABASE_URL"] = self.environ["DATABASE_URL"]
            for name in ("DATABASE_OWNER_URL", "DATABASE_SAFETY_URL"):
                addresses[name] = self.environ.get(name, "")
        return addresses

    def restart_dead(self) -> list[str]:
        """Start again what has died since; return the names. Raises: StartError."""
        names = []
        for server in (self.valkey, self.postgres):
            if server is not None and not server.running():
                server.start()
                names.append(type(server).__name__)
        return names

    def stop(self, seconds: float = 3.0) -> None:
        """Stop the embedded ones, Valkey first."""
        if self.valkey is not None:
            self.valkey.stop(min(seconds, 0.5))
        if self.postgres is not None:
            self.postgres.stop(seconds)
