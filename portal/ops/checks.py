"""`manage.py check --deploy`: what a production portal must not be run without."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import redis
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.db import Error as DatabaseError
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from portal.core import sealed
from portal.ops import broker

LEAST_KEY_LENGTH = 50
LEAST_DISTINCT_CHARACTERS = 12
LEAST_TOKEN_LENGTH = 32
ALGORITHMS = frozenset({"HS256", "RS256", "EdDSA"})
Check = Callable[[], Iterator[CheckMessage]]
CHECKS: list[Check] = []


def deploy_check(check: Check) -> Check:
    """Run `check` with `check --deploy`."""
    CHECKS.append(check)

    def run(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
        return list(check())

    register(run, "portal", deploy=True)
    return check


@deploy_check
def commits_reach_the_disk() -> Iterator[CheckMessage]:
    """A report that was answered 202 must survive a power cut."""
    try:
        with connection.cursor() as cursor:
            for name in ("synchronous_commit", "fsync", "full_page_writes"):
                cursor.execute("SELECT current_setting(%s)", [name])
                row = cursor.fetchone()
                if row is None or row[0] in ("off", "local"):
                    yield Error(
                        f"PostgreSQL's {name} is {row and row[0]}.",
                        hint=f"Set {name} = on for the application's role and the server.",
                        id="portal.E001",
                    )
    except DatabaseError as error:
        yield Error(
            f"The database could not be asked ({type(error).__name__}).",
            hint="Run the check where DATABASE_URL can be reached.",
            id="portal.E001",
        )


@deploy_check
def application_is_not_the_owner() -> Iterator[CheckMessage]:
    """With the owner's rights the application could alter its own history."""
    owner = str(conninfo_to_dict(settings.DATABASE_OWNER_URL).get("user", ""))
    if not owner or owner == settings.APPLICATION_ROLE:
        yield Error(
            "DATABASE_OWNER_URL and DATABASE_URL do not name two database roles.",
            hint="Migrations run as the owner, everything else as a role without its rights.",
            id="portal.E002",
        )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            row = cursor.fetchone()
    except DatabaseError:
        return  # portal.E001 says so
    if row and row[0]:
        yield Error(
            "The application's database role is a superuser.",
            hint="Take SUPERUSER from the role in DATABASE_URL.",
            id="portal.E002",
        )


@deploy_check
def keys_are_strong() -> Iterator[CheckMessage]:
    """A guessed key makes anybody's token."""
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        key = getattr(settings, name)
        if len(key) < LEAST_KEY_LENGTH or len(set(key)) < LEAST_DISTINCT_CHARACTERS:
            yield Error(
                f"{name} is too short or too regular.",
                hint=f"Use at least {LEAST_KEY_LENGTH} random characters.",
                id="portal.E003",
            )
    yield from _identity_keys_are_readable()
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < LEAST_TOKEN_LENGTH:
        yield Error(
            "PORTAL_METRICS_TOKEN is too short.",
            hint=f"Use at least {LEAST_TOKEN_LENGTH} random characters, or leave it empty.",
            id="portal.E003",
        )


def _identity_keys_are_readable() -> Iterator[CheckMessage]:
    readers: dict[str, Callable[[str], object]] = {
        "IDENTITY_KEYS": sealed.parse_ring,
        "IDENTITY_INDEX_KEY": sealed.parse_index,
    }
    for name, read in readers.items():
        text = str(getattr(settings, name))
        try:
            read(text)
        except sealed.MalformedKeys:
            text = ""
        # 32 random bytes have some 30 different ones; a phrase or a repeated byte has few.
        if not text or any(
            len(set(key)) < LEAST_DISTINCT_CHARACTERS for key in sealed.key_bytes(text)
        ):
            yield Error(
                f"{name} is missing, malformed or too regular.",
                hint="Use 32 random bytes in base64 (docs/security/keys.md).",
                id="portal.E003",
            )


@deploy_check
def keys_are_distinct() -> Iterator[CheckMessage]:
    """One key that leaks must not open the other doors."""
    keys = [settings.SECRET_KEY, settings.JWT_SIGNING_KEY, settings.METRICS_TOKEN]
    parts = (*settings.IDENTITY_KEYS.split(","), *settings.IDENTITY_INDEX_KEY.split(","))
    keys.extend(part.rpartition(":")[2].strip() for part in parts)
    given = [key.rstrip("=") for key in keys if key]
    if len(set(given)) < len(given):
        yield Error(
            "SECRET_KEY, JWT_SIGNING_KEY, PORTAL_METRICS_TOKEN and the keys of IDENTITY_KEYS and "
            "IDENTITY_INDEX_KEY are not all different.",
            hint="Make each of them on its own.",
            id="portal.E004",
        )


@deploy_check
def broker_never_evicts() -> Iterator[CheckMessage]:
    """A broker that evicts keys when memory is short drops tasks in silence."""
    try:
        with broker.client() as valkey:
            policy = str(valkey.config_get("maxmemory-policy").get("maxmemory-policy", "unknown"))
    except (redis.RedisError, OSError) as error:
        yield checks.Warning(
            f"The broker could not be asked ({type(error).__name__}).",
            hint="See to it that maxmemory-policy is noeviction.",
            id="portal.W005",
        )
        return
    if policy != "noeviction":
        yield Error(
            f"The broker's maxmemory-policy is {policy}.",
            hint="Set maxmemory-policy noeviction.",
            id="portal.E005",
        )


@deploy_check
def proxies_are_counted() -> Iterator[CheckMessage]:
    """With a wrong count, clients choose the address by which they are limited."""
    if "PORTAL_TRUSTED_PROXIES" not in os.environ:
        yield Error(
            "PORTAL_TRUSTED_PROXIES is not stated.",
            hint="Say how many proxies stand in front of the portal; 0 if there is none.",
            id="portal.E006",
        )


@deploy_check
def hosts_are_named() -> Iterator[CheckMessage]:
    """A host that nobody named could be put into links."""
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "PORTAL_ALLOWED_HOSTS allows every host.",
            hint="Name the hosts under which the portal is reached.",
            id="portal.E007",
        )


@deploy_check
def token_algorithm_is_sound() -> Iterator[CheckMessage]:
    """Only algorithms that were tried, each with the key that it needs."""
    algorithm = settings.SIMPLE_JWT["ALGORITHM"]
    if algorithm not in ALGORITHMS:
        yield Error(
            f"JWT_ALGORITHM {algorithm} is not one of {', '.join(sorted(ALGORITHMS))}.",
            id="portal.E008",
        )
    elif algorithm != "HS256" and not settings.SIMPLE_JWT["VERIFYING_KEY"]:
        yield Error(
            f"JWT_ALGORITHM {algorithm} needs JWT_VERIFYING_KEY.",
            hint="Give the public key that belongs to JWT_SIGNING_KEY.",
            id="portal.E008",
        )


@deploy_check
def mail_leaves_the_house() -> Iterator[CheckMessage]:
    """A safety notice that no mail carries waits for somebody to look at a screen."""
    if not settings.MAIL_URL or "smtp" not in settings.MAIL["EMAIL_BACKEND"]:
        yield Error(
            "PORTAL_MAIL_URL names no mail server.",
            hint="Set smtp+tls://user:password@host:587, and PORTAL_MAIL_FROM.",
            id="portal.E009",
        )
    if settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield Error(
            "PORTAL_MAIL_FROM is nobody's address.",
            hint="Name the address from which the portal writes.",
            id="portal.E009",
        )


@deploy_check
def web_push_has_its_key() -> Iterator[CheckMessage]:
    """Without a key no browser is told."""
    if not settings.VAPID_KEY:
        yield checks.Warning(
            "PORTAL_VAPID_KEY is not set: no browser is told by web push.",
            hint="Use 32 random bytes in base64url, and keep them: browsers know the portal by it.",
            id="portal.W010",
        )
