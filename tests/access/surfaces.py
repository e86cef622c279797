"""Everything that one blinded person can get, surface by surface, for runs to be compared.

A surface yields (name, what was told). Addresses, admin pages, commands and mounted applications
are walked from their registries; one that no surface claims is an error, so that a new one joins or
is named here with the reason why it does not.
"""

import asyncio
import io
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.apps import apps
from django.core.management import call_command, get_commands
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from prometheus_client import generate_latest

from portal.asgi import MOUNTS
from portal.core import clock
from portal.desk.site import site
from portal.ops.metrics import REGISTRY
from tests.access.arms import protected_models
from tests.access.walker import NEVER_MADE, Reader, routed
from tests.access.world import World
from tests.portal.desk.world import signed_in
from tests.portal.exchange.sdtm.xpt_files import write_xpt

Told = Iterator[tuple[str, Any]]
# What differs between any two answers: the request's id, the nonce, the token of a form.
_CHANGING = re.compile(
    rb"nonce-[\w=+/-]+|nonce=\"[^\"]*\"|name=\"csrfmiddlewaretoken\" value=\"[^\"]*\""
    rb"|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb"|\beyJ[\w-]+\.[\w-]+\.[\w-]+|\d{8}T\d{6}Z"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"
)
_HEADERS_THAT_CHANGE = frozenset(
    {"X-Request-Id", "Set-Cookie", "Content-Security-Policy", "Expires", "Last-Modified"}
)
# What is shown again to whoever has typed it.
_ASKED = re.compile(rb"value=\"ZQX\"|q=ZQX|search=ARM-ZQX7")


@dataclass
class Blinded:
    """A blinded reader with the ways in that they have; made once, used for every run."""

    world: World
    reader: Reader
    # 0: every address once; 1: odd parameters and orders too; 2: each column, filter and form.
    depth: int
    # Of which models the desk is read: None means all.
    models: frozenset[Any] | None = None
    headers: dict[str, str] = field(init=False)
    browser: Client = field(init=False)

    def __post_init__(self) -> None:
        self.headers = self.reader.headers()
        self.browser = signed_in(self.reader.person)


def told(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Return an answer without what changes from one to the next."""
    headers = {
        name: _CHANGING.sub(b"*", value.encode()).decode()
        for name, value in answer.items()
        if name not in _HEADERS_THAT_CHANGE
    }
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, headers, _ASKED.sub(b"", _CHANGING.sub(b"*", content))


def _get(client: Client, address: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    """GET, then take back what the request has written: entries in the trail, a session's data."""
    with transaction.atomic():
        answer = told(client.get(address, **more))
        transaction.set_rollback(True)
    return answer


# --- addresses ----------------------------------------------------------------------------------

PAGES_OF_NO_RECORD = {
    "workbench": "/",
    "healthz": "/healthz",
    "readyz": "/readyz",
    "schema": "/api/v1/schema/",
    "docs": "/api/v1/docs/",
}
# Addresses that are another surface's, or nobody's to read.
ELSEWHERE = {"metrics": "metrics() reads the registry behind it"}
OF_THE_DESK = frozenset({
    "index", "login", "logout", "password_change", "password_change_done", "jsi18n", "app_list", "",
})  # fmt: skip
OF_A_MODEL = frozenset({"changelist", "change", "history", "add", "delete"})
_BAD_PARAMETERS = ("?ordering=arm", "?arm=A", "?search=ARM-ZQX7", "?limit=0", "?cursor=x")


def unclaimed_addresses() -> list[str]:
    """Return the addresses that no surface reads."""
    of_models = {
        f"{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in site._registry
        for page in OF_A_MODEL
    }
    known = set(PAGES_OF_NO_RECORD) | set(ELSEWHERE)
    lost = []
    for route, name in _addresses(get_resolver(), ""):
        if route.startswith("api/"):
            continue  # walked whole by api()
        claimed = (OF_THE_DESK | of_models) if route.startswith("admin/") else known
        if name not in claimed:
            lost.append(f"{route} ({name})")
    return lost


def _addresses(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.name or ""


def pages(who: Blinded) -> Told:
    """Yield the pages that are about no record."""
    for name, address in PAGES_OF_NO_RECORD.items():
        yield name, _get(who.browser, address, headers=who.headers)


def api(who: Blinded) -> Told:
    """Yield what every address of the API answers: to reading, to bad parameters, to empty writes.

    Whatever id an address takes is tried with each record of the world, and with one never made.
    """
    client = Client(raise_request_exception=False)
    for name, method, path in routed():
        if name in PAGES_OF_NO_RECORD or name.startswith("auth-token"):
            continue
        for address in _filled(who.world, path):
            if method != "GET":
                with transaction.atomic():
                    answer = told(
                        client.generic(
                            method, address, b"{}", "application/json", headers=who.headers
                        )
                    )
                    transaction.set_rollback(True)
                yield f"{method} {address}", answer
                continue
            yield address, _get(client, address, headers=who.headers)
            if who.depth and (who.depth > 1 or "{" not in path):
                for parameters in _BAD_PARAMETERS:
                    yield (
                        address + parameters,
                        _get(client, address + parameters, headers=who.headers),
                    )


def _filled(world: World, path: str) -> Iterator[str]:
    if "{" not in path:
        yield path
        return
    one_of_each = (world.trials, world.sites, world.patients, world.adverse_events, world.vitals)
    for records in one_of_each:
        yield path.replace("{id}", str(records[0].pk))
    yield path.replace("{id}", str(NEVER_MADE))


def desk(who: Blinded) -> Told:
    """Yield every page of every model: list, search, order, filters, record, history, choices."""
    for name in ("index", "password_change"):
        yield name, _get(who.browser, reverse(f"admin:{name}"))
    for label in ("patients", "trials", "events", "audit", "accounts"):
        yield label, _get(who.browser, reverse("admin:app_list", args=[label]))
    for model in sorted(who.models or site._registry, key=lambda model: model._meta.label):
        yield from _pages_of(who, model)
    yield "autocomplete", _get(who.browser, "/admin/autocomplete/?term=ZQX")


def _pages_of(who: Blinded, model: Any) -> Told:
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
    label = model._meta.label
    with transaction.atomic():
        page = who.browser.get(reverse(base + "changelist"))
        changelist = page.context["cl"] if page.status_code == 200 else None
        yield f"{label} list", told(page)
        queries = list(_queries(changelist, is_thorough=who.depth > 1)) if changelist else []
        rows = list(changelist.result_list)[:2] if changelist else []
        transaction.set_rollback(True)
    for query in queries:
        yield f"{label} {query}", _get(who.browser, reverse(base + "changelist") + query)
    keys = [row.pk for row in rows] or [_protected_key(model)]
    for index, key in enumerate(keys[: who.depth]):
        for which in ("change", "history"):
            yield f"{label} {which} {index}", _get(who.browser, reverse(base + which, args=[key]))
    if who.depth > 1:
        yield f"{label} add", _get(who.browser, reverse(base + "add"))


def _protected_key(model: Any) -> Any:
    """Return the key of a row that is there but hidden: its id must lead nowhere."""
    from tests.access.arms import key_of

    return key_of(model) if model in protected_models() else NEVER_MADE


def _queries(changelist: Any, *, is_thorough: bool) -> Iterator[str]:
    columns = range(1, len(changelist.list_display) + 1)
    if changelist.search_fields:
        yield "?q=ZQX"
    if is_thorough:
        yield "?o=" + ".".join(f"-{column}" for column in columns)
        for column in columns:
            yield f"?o={column}"
            yield f"?o=-{column}"
        for spec in changelist.filter_specs:
            for choice in list(spec.choices(changelist))[1:4]:
                yield choice["query_string"]


# --- commands, imports --------------------------------------------------------------------------


def _access_report(who: Blinded) -> Told:
    """Yield the report of today, as printed and as a file."""
    today = clock.now().date().isoformat()
    yield "printed", _printed("access_report", "--on", today)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.csv"
        _printed("access_report", "--on", today, "--csv", str(file))
        yield "file", _CHANGING.sub(b"*", file.read_bytes())


def _import(who: Blinded, arm: int) -> Told:
    """Yield what a blinded import says, and every open row that it makes."""
    people, doses = [], []
    for number in (1, 2):
        high = number % 2 == arm
        subject = {"STUDYID": "SWAP", "USUBJID": f"S-{number}"}
        people.append(subject | {
            "DOMAIN": "DM", "SUBJID": f"S-{number}", "SITEID": "01", "RFSTDTC": "2020-03-01",
            "AGE": 50, "AGEU": "YEARS", "SEX": "F", "COUNTRY": "USA",
            "ARMCD": "ZQXA" if high else "ZQXB", "ARM": "ZQX high" if high else "ZQX low dose",
            "ACTARMCD": "ZQXA", "ACTARM": "ZQX high",
        })  # fmt: skip
        doses.append(subject | {
            "DOMAIN": "EX", "EXSEQ": 1, "EXROUTE": "ORAL", "EXSTDTC": "2020-03-01",
            "EXTRT": "ZQXINE" if high else "ZQXEBO", "EXDOSE": 54 if high else 81, "EXDOSU": "mg",
        })  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        write_xpt(Path(folder) / "study" / "dm.xpt", "DM", people)
        write_xpt(Path(folder) / "study" / "ex.xpt", "EX", doses)
        said = _printed("import_sdtm", str(Path(folder) / "study"))
        yield "said", re.sub(rb"\d+\.\d+ s|\S*/study", b"*", said)
        yield from _open_rows()
        transaction.set_rollback(True)


# Keys, the trail's own numbering, and digests of files that are not the same.
_NUMBERED = re.compile(r"_id$|^sequence$|digest")


def _open_rows() -> Told:
    """Yield the rows of every table that is not protected, without ids, times and digests."""
    hidden = set(protected_models())
    for label in ("trials", "patients", "events"):
        for model in apps.get_app_config(label).get_models():
            # The design of a trial, with its arms and products, is no secret.
            is_design = model._meta.label in {"trials.Arm", "trials.Product"}
            if model in hidden or is_design or "History" in model.__name__:
                continue
            names = [f.attname for f in model._meta.concrete_fields if f.name != "id"]
            names = [name for name in names if not _NUMBERED.search(name)]
            rows = model._base_manager.filter(trial__number="SWAP") if _has_trial(model) else None
            if rows is not None:
                written = sorted(repr(row).encode() for row in rows.values_list(*names))
                yield model._meta.label, [_without_times(row) for row in written]


def _has_trial(model: Any) -> bool:
    return any(field.name == "trial" for field in model._meta.concrete_fields)


def _without_times(row: bytes) -> bytes:
    return _CHANGING.sub(b"*", re.sub(rb"datetime\.datetime\([^)]*\)+", b"*", row))


@cache
def our_commands() -> dict[str, str]:
    """Return the management commands of the product: name and app."""
    return {name: app for name, app in get_commands().items() if _is_ours(app)}


def _is_ours(app: str) -> bool:
    return app.partition(".")[0] in {"portal", "trials", "patients", "events"}


COMMANDS: Mapping[str, Callable[[Blinded], Told]] = {"access_report": _access_report}
# Whoever can run these can read the machine's files; what they say is shown by other tests.
OPERATORS = {
    "import_sdtm": "imports() runs it",
    "migrate": "says which migrations ran",
    "demo": "makes its own trials and prints their accounts",
    "simulate": "speaks to the API as devices do",
    "seal_audit": "says how many rows it sealed",
    "verify_audit": "names rows by table and id, for whoever guards the trail",
    "rotate_keys": "counts personal data",
    "issue_device_tokens": "writes tokens to a file",
    "check_audit_export": "compares a file with itself and the seals",
    "import_instrument": "says which version it has stored",
    "dry_run_rule": "counts alerts over open readings",
    "outbox": "counts deliveries and names them by kind and id",
    "relay": "runs until it is stopped and prints nothing of records",
    "watch_notices": "runs until it is stopped and prints nothing of records",
    "live_relay": "runs until it is stopped and prints nothing of records",
    "sync_access": "counts index rows",
    "run_reports": "runs until it is stopped and prints nothing of records",
}


def commands(who: Blinded) -> Told:
    """Yield what every command tells that a blinded person may be shown."""
    for name, run in COMMANDS.items():
        for part, said in run(who):
            yield f"{name} {part}", said


def _printed(name: str, *arguments: str) -> bytes:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return _CHANGING.sub(b"*", out.getvalue().encode())


# --- what the process itself says ----------------------------------------------------------------


def metrics(who: Blinded) -> Told:
    """Yield the names and labels of every measurement, and those counts that people cause."""
    lines = generate_latest(REGISTRY).splitlines()
    yield "series", sorted(line.rpartition(b" ")[0] for line in lines if b"_created" not in line)


class Logs:
    """Collects what is logged inside the block, as the lines that leave the process."""

    def __enter__(self) -> "Logs":
        self._handler = next(
            each
            for each in logging.getLogger().handlers
            if isinstance(each, logging.StreamHandler)
            and type(each.formatter).__name__ == "ProcessorFormatter"
        )
        self._stream = io.StringIO()
        self._before = self._handler.setStream(self._stream)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            self._handler.setStream(self._before)

    def lines(self) -> list[bytes]:
        """Return the lines without times and ids."""
        made = []
        for line in self._stream.getvalue().splitlines():
            said = {
                name: value
                for name, value in json.loads(line).items()
                if name not in {"time", "request_id", "duration_ms", "queries"}
            }
            made.append(_CHANGING.sub(b"*", json.dumps(said, sort_keys=True).encode()))
        return made


# --- mounted applications -------------------------------------------------------------------------


def socket(who: Blinded, application: Any) -> Told:
    """Yield all frames that a socket of the reader is sent until it is closed or falls silent."""
    token = who.headers["authorization"].partition(" ")[2]

    async def frames() -> list[Any]:
        scope = {
            "type": "websocket",
            "path": "/ws/",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
            "subprotocols": [],
        }
        socket = ApplicationCommunicator(application, scope)
        await socket.send_input({"type": "websocket.connect"})
        return [await socket.receive_output(timeout=60)]

    yield "opened", asyncio.run(frames())


# Mounted application by protocol and path -> what a reader gets from it. Django's own addresses are
# walked above; what a live socket sends once it is open is tested beside it.
MOUNTED: dict[tuple[str, str], Callable[[Blinded, Any], Told] | None] = {
    ("http", "/"): None,
    ("http", "/api/v1/reports/"): None,
    ("websocket", "/ws/live/"): None,
    # It has a connection of its own, which sees no world that is rolled back.
    ("http", "/api/v1/intake/"): None,
    ("websocket", "/"): socket,
}


def unclaimed_mounts() -> list[str]:
    """Return the mounted applications that no surface reads."""
    return [f"{protocol} {path}" for protocol, path, _ in MOUNTS if (protocol, path) not in MOUNTED]


def mounts(who: Blinded) -> Told:
    """Yield what every mounted application besides Django tells."""
    for protocol, path, served in MOUNTS:
        read = MOUNTED.get((protocol, path))
        if read is not None:
            for part, said in read(who, served):
                yield f"{protocol} {path} {part}", said


def imports(arm: int) -> Callable[[Blinded], Told]:
    """Return the surface of a blinded import in which one patient is in that arm."""
    return lambda who: _import(who, arm)


SURFACES: Mapping[str, Callable[[Blinded], Told]] = {
    "api": api,
    "pages": pages,
    "desk": desk,
    "commands": commands,
    "metrics": metrics,
    "mounts": mounts,
}
