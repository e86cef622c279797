"""The programs of a running portal. One more is one entry more."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program of the portal: started again whenever it ends.

    `arguments` follow the Python interpreter; {host}, {port} and {data} are filled in.
    `stop_seconds` is how long it may take to end before it is killed.
    """

    name: str
    arguments: tuple[str, ...]
    stop_seconds: float

    def command(self, **values: object) -> list[str]:
        """Return the command line."""
        return [sys.executable, *(argument.format(**values) for argument in self.arguments)]


# In the order in which they start. The way in ends first, the others together after it.
PROGRAMS: tuple[Program, ...] = (
    Program(
        "web",
        # Proxy headers off: the portal itself decides which proxy it believes. A connection that
        # finds the queue full tries again after a second; Linux cuts it to net.core.somaxconn.
        ("-m", "uvicorn", "portal.asgi:application", "--host", "{host}", "--port", "{port}",
         "--lifespan", "on", "--http", "portal.hothttp:HotProtocol", "--backlog", "16384",
         "--ws", "portal.live.frames:LiveProtocol",
         "--ws-per-message-deflate", "false", "--ws-max-size", "65536", "--ws-ping-interval", "25",
         "--ws-ping-timeout", "25", "--no-proxy-headers",
         "--no-server-header", "--no-access-log", "--timeout-graceful-shutdown", "1"),
        1.5,
    ),
    Program(
        "beat",
        ("-m", "celery", "--quiet", "-A", "portal", "beat", "--schedule", "{data}/beat-schedule",
         "--pidfile", ""),
        0.5,
    ),
    Program(
        "worker",
        # Celery warns root because of pickled messages; this portal reads JSON only.
        ("-W", "ignore:::celery.platforms",
         "-m", "celery", "--quiet", "-A", "portal", "worker", "-Q", "safety,default,outbox",
         "--concurrency", "2", "--without-gossip", "--without-mingle"),
        1.0,
    ),
    Program("relay", ("manage.py", "relay"), 0.5),
    Program("live", ("manage.py", "live_relay"), 0.3),
    # Long work: a program of its own, which no time limit of a task ends (ADR 0012).
    Program("reports", ("manage.py", "run_reports"), 0.3),
    Program("watcher", ("manage.py", "watch_notices"), 1.0),
)  # fmt: skip

# Acts as the phones of a few patients of the demo, so that screens move; only where there is a
# demo, and only once the portal is ready.
SIMULATION = Program(
    "simulate",
    ("manage.py", "simulate", "--patients", "10", "--rate", "0.2"),
    0.5,
)
