"""`./run check`: every rule of the house that a machine can check, one line each."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portal.embedded.errors import StartError
from portal.embedded.home import ROOT, Home
from portal.embedded.locks import DEVELOPMENT, RUNTIME, duplicates
from portal.embedded.servers import Servers
from portal.embedded.supervisor import environment_of

OPENAPI = "docs/openapi.yaml"
BIN = Path(sys.executable).parent
MANAGE = [sys.executable, "manage.py"]
Step = Callable[[Mapping[str, str]], str]


def command(*arguments: str | Path, **settings: str) -> Step:
    """Return a step that passes when a command does; its complaint is what the command prints."""

    def step(environment: Mapping[str, str]) -> str:
        done = subprocess.run(
            [str(part) for part in arguments],
            cwd=ROOT,
            env={**environment, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return (done.stdout.strip() or f"ended with {done.returncode}") if done.returncode else ""

    return step


def openapi(environment: Mapping[str, str]) -> str:
    """Compare the committed OpenAPI document with the code."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.yaml"
        generate = command(*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", file)
        complaint = generate(environment)
        if complaint:
            return complaint
        committed = ROOT / OPENAPI
        if committed.exists() and committed.read_text() == file.read_text():
            return ""
    return f"{OPENAPI} is not what the code says: ./run manage spectacular --file {OPENAPI}"


class Skipped(Exception):
    """A step that cannot be run here, and why."""


def workbench(environment: Mapping[str, str]) -> str:
    """Check the sources of the workbench, where node and its packages are."""
    npm = shutil.which("npm")
    if npm is None:
        raise Skipped("no npm here: the built files are committed, and a test holds them fresh")
    if not (ROOT / "frontend" / "node_modules").is_dir():
        raise Skipped("its packages are not here: cd frontend && npm ci")
    return command(npm, "--prefix", "frontend", "run", "--silent", "check")(environment)


def locks(_environment: Mapping[str, str]) -> str:
    """No package may stand twice in a lock."""
    return "\n".join(
        f"{lock}: {name}" for lock in (RUNTIME, DEVELOPMENT) for name in duplicates(lock)
    )


STEPS: dict[str, Step] = {
    "lint": command(BIN / "ruff", "check", "--quiet", "."),
    "format": command(BIN / "ruff", "format", "--check", "--quiet", "."),
    "types": command(BIN / "mypy"),
    "imports": command(BIN / "lint-imports", "--no-cache"),
    "migrations": command(*MANAGE, "makemigrations", "--check", "--dry-run"),
    "system": command(*MANAGE, "check", "--fail-level", "WARNING"),
    "deploy": command(
        *(*MANAGE, "check", "--deploy", "--fail-level", "WARNING"),
        PORTAL_MODE="production",
        PORTAL_ALLOWED_HOSTS="portal.example.org",
        PORTAL_TRUSTED_PROXIES="0",
        PORTAL_MAIL_URL="smtp+tls://mail.example.org:587",
        PORTAL_MAIL_FROM="portal@example.org",
    ),
    "openapi": openapi,
    "locks": locks,
    "workbench": workbench,
}


def _side_by_side(environment: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what waits for each step, in their order; as many run at once as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        begun = {name: pool.submit(step, environment) for name, step in STEPS.items()}
        for name, complaint in begun.items():
            yield name, complaint.result


def main() -> int:
    """Run every step on throw-away servers, also after one has failed."""
    failed = []
    skipped = 0
    with tempfile.TemporaryDirectory(prefix="portal-check-") as folder:
        home = Home(Path(folder))
        home.prepare()
        servers = Servers(home, environ={})
        try:
            environment = environment_of(home, servers.start())
            for name, step in _side_by_side(environment):
                try:
                    complaint = step()
                except Skipped as why:
                    skipped += 1
                    print(f"skipped {name}: {why}", flush=True)
                    continue
                print(f"{'failed' if complaint else 'ok':<7}{name}", flush=True)
                if complaint:
                    failed.append(name)
                    print(complaint, flush=True)
        except StartError as error:
            print(f"run: {error}", file=sys.stderr)
            return 1
        finally:
            servers.stop()
    passed = len(STEPS) - len(failed) - skipped
    print(f"check: {passed} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ["PORTAL_MODE"] = "development"
    sys.exit(main())
