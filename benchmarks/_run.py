"""What every benchmark does around its measuring: a portal of its own, the machine, the verdict."""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.embedded.commands import portal_environment
from portal.embedded.home import Home
from portal.embedded.supervisor import program_environment

# What `./run bench` says of the portal of this folder, which no benchmark may fill with its rows.
_OUTSIDE = (
    *("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SAFETY_URL"),
    *("REDIS_URL", "PORTAL_DATA"),
)


@contextmanager
def own_portal(*, in_process: bool = True) -> Iterator[dict[str, str]]:
    """Give the environment of a new, migrated portal on durable servers, removed at the end.

    With `in_process` this process is one of its commands and Django is set up; the address of the
    tables' owner is given too, but not set: what is measured runs as the application's role.
    """
    for name in _OUTSIDE:
        os.environ.pop(name, None)
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as folder,
        portal_environment(Home(Path(folder)), migrated=True) as environment,
    ):
        owner = environment["DATABASE_OWNER_URL"]
        environment = program_environment(environment, "command")
        if not in_process:
            yield environment
            return
        os.environ.update(environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        import django
        from django.db import connections

        django.setup()
        try:
            yield environment | {"DATABASE_OWNER_URL": owner}
        finally:
            connections.close_all()


def machine() -> str:
    """Return what the numbers are measured on, and how busy it is."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores {model}, {memory:.0f} GB, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} before"
    )


def head(command: str) -> None:
    """Print the machine and the command."""
    print(f"machine   {machine()}")
    print(f"command   {command}")


def verdict(goal: str, value: str, *, is_met: bool) -> bool:
    """Print whether a goal is met, and return it."""
    print(f"goal      {goal}: {value}: {'met' if is_met else 'MISSED'}", flush=True)
    return is_met
