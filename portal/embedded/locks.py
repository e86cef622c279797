"""The locks: how they are made, and what has to hold of them. Run by `./run lock`.

docs/wheels.csv names, for every package of requirements.txt, the wheels that serve the supported
platforms, so that a test can show without a network that nobody needs a compiler.
"""

import csv
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging import tags
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from portal.embedded.home import ROOT

RUNTIME, DEVELOPMENT, WHEELS = "requirements.txt", "requirements-dev.txt", "docs/wheels.csv"
COMPILE = (sys.executable, "-m", "uv", "pip", "compile", "-q", "--universal",
           "--python-version", "3.11")  # fmt: skip
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# glibc 2.28 is that of Debian 10 and RHEL 8; the embedded servers' wheels need it.
GLIBC_MINOR = 28
MACOS = (14, 0)


@dataclass(frozen=True)
class Target:
    """A Python on a kind of machine."""

    python: str
    system: str
    machine: str

    def __str__(self) -> str:
        return f"{self.python} {self.system} {self.machine}"

    def markers(self) -> dict[str, str]:
        """Return the environment by which a requirement's marker is judged."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.9",
            "sys_platform": self.system,
            "platform_system": {"linux": "Linux", "darwin": "Darwin"}[self.system],
            "os_name": "posix",
            "platform_machine": self.machine,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }


@cache
def accepted_tags(target: Target) -> frozenset[tags.Tag]:
    """Return the tags of the wheels that a target can install."""
    version = tuple(int(part) for part in target.python.split("."))
    interpreter = "cp" + target.python.replace(".", "")
    if target.system == "darwin":
        platforms = [*tags.mac_platforms(MACOS, target.machine)]
    else:
        platforms = [
            *(f"manylinux_2_{minor}_{target.machine}" for minor in range(GLIBC_MINOR, 4, -1)),
            *(f"manylinux{year}_{target.machine}" for year in ("2014", "2010", "1")),
            f"linux_{target.machine}",
        ]
    return frozenset(
        [
            *tags.cpython_tags(version, platforms=platforms, abis=[interpreter]),
            *tags.compatible_tags(version, interpreter=interpreter, platforms=platforms),
        ]
    )


# No Intel Macs: cryptography has no wheels for them any more.
TARGETS = tuple(
    Target(python, system, machine)
    for python in PYTHONS
    for system, machine in (
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "arm64"),
    )
)


@dataclass(frozen=True)
class Locked:
    """One entry of a lock."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def version(self) -> str:
        return next(iter(self.requirement.specifier)).version

    def applies_to(self, target: Target) -> bool:
        """Tell whether the entry is installed on a target."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(dict(target.markers()))


@dataclass(frozen=True)
class Wheel:
    """One wheel that the lock's hashes allow."""

    package: str
    filename: str
    sha256: str

    def serves(self, target: Target) -> bool:
        """Tell whether a target can install it."""
        return not parse_wheel_filename(self.filename)[3].isdisjoint(accepted_tags(target))


def read_lock(name: str) -> list[Locked]:
    """Read a hashed requirements file."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    locked = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split(" --hash=sha256:")
        if words[0].strip():
            hashes = frozenset(word.strip() for word in words[1:])
            locked.append(Locked(Requirement(words[0].strip()), hashes))
    return locked


def duplicates(name: str) -> list[str]:
    """Return the packages a lock holds twice for one and the same target."""
    found = []
    for target in TARGETS:
        seen: set[str] = set()
        for entry in read_lock(name):
            if entry.applies_to(target):
                if entry.requirement.name in seen:
                    found.append(f"{entry.requirement.name} ({target})")
                seen.add(entry.requirement.name)
    return found


def read_wheels() -> list[Wheel]:
    """Read docs/wheels.csv."""
    with open(ROOT / WHEELS, newline="") as file:
        return [Wheel(*row) for row in list(csv.reader(file))[1:]]


def without_wheel(lock: list[Locked], wheels: list[Wheel]) -> list[str]:
    """Return each package and target for which no wheel with a locked hash is known."""
    missing = []
    for entry in lock:
        own = [
            w for w in wheels if w.package == entry.requirement.name and w.sha256 in entry.hashes
        ]
        missing += [
            f"{entry.requirement} on {target}"
            for target in TARGETS
            if entry.applies_to(target) and not any(wheel.serves(target) for wheel in own)
        ]
    return missing


def _all_wheels() -> Iterator[Wheel]:
    """Ask uv which files the lock's versions consist of."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pylock.toml"
        command = [*COMPILE, "--format", "pylock.toml", "-c", RUNTIME, "requirements.in"]
        subprocess.run([*command, "-o", str(output)], cwd=ROOT, check=True)
        packages = tomllib.loads(output.read_text())["packages"]
    for package in packages:
        for wheel in package.get("wheels", []):
            filename = wheel.get("name") or wheel["url"].rpartition("/")[2]
            yield Wheel(package["name"], filename.replace("%2B", "+"), wheel["hashes"]["sha256"])


def _useful_wheels() -> list[Wheel]:
    """Return for each package and target the first wheel that serves, each wheel once."""
    wheels = sorted(_all_wheels(), key=lambda wheel: (wheel.package, wheel.filename))
    chosen: set[Wheel] = set()
    for entry in read_lock(RUNTIME):
        own = [
            w for w in wheels if w.package == entry.requirement.name and w.sha256 in entry.hashes
        ]
        for target in TARGETS:
            if entry.applies_to(target):
                chosen.update([wheel for wheel in own if wheel.serves(target)][:1])
    return sorted(chosen, key=lambda wheel: (wheel.package, wheel.filename))


def main() -> int:
    """Resolve the locks anew and write down the wheels they allow."""
    for source, lock in (("requirements.in", RUNTIME), ("requirements-dev.in", DEVELOPMENT)):
        command = [*COMPILE, "--generate-hashes", "--custom-compile-command", "./run lock", source]
        subprocess.run([*command, "-o", lock], cwd=ROOT, check=True)
    with open(ROOT / WHEELS, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["package", "wheel", "sha256"])
        writer.writerows((w.package, w.filename, w.sha256) for w in _useful_wheels())
    from portal.embedded import sbom

    sbom.write()
    problems = [*duplicates(RUNTIME), *without_wheel(read_lock(RUNTIME), read_wheels())]
    for problem in problems:
        print(f"no wheel, or twice: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
