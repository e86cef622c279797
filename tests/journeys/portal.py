"""The portal that browsers walk through: real servers and processes, with the demo in it."""

from pathlib import Path

from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey
from tests.plugins.servers import SERVERS
from tests.rig.bed import Bed


class Portal(Bed):
    """A bed of its own beside the rig's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        sockets = SERVERS.folder / "journeys"
        sockets.mkdir(mode=0o700, exist_ok=True)
        self.postgres = Postgres(
            folder / "postgres", sockets, log=folder / "postgres.log", durable=False
        )
        self.valkey = Valkey(folder, sockets, log=folder / "valkey.log")

    def open(self) -> None:
        """Start it with the demo, as ./run does."""
        self.start_servers()
        said = self.manage("demo")
        assert "records made" in said, said
        self.ensure("web")
