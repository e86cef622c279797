"""Everything that one blinded person can get, surface by surface, for runs to be compared.

A surface yields (name, what was told). Addresses, admin pages, commands and mounted applications
are walked from their registries; one that no surface claims is an error, so that a new one joins or
is named here with the reason why it does not.
"""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from prometheus_client import generate_latest

from portal.asgi import MOUNTS
from portal.desk.site import site
from portal.ops.metrics import REGISTRY
from tests.access.arms import key_of, protected_models
from tests.access.channels import documents, letters, topics
from tests.access.commands import commands, imports
from tests.access.records import KINDS, kind_of
from tests.access.told import Blinded, Told, get, masked, told
from tests.access.walker import NEVER_MADE, routed

# --- addresses ----------------------------------------------------------------------------------

PAGES_OF_NO_RECORD = {
    "workbench": "/",
    "service-worker": "/service-worker.js",
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
# What an address needs to answer with more than a refusal.
GOOD_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "patient-vitals-series": ("?code=temperature&points=50", "?code=heart_rate&points=50"),
    "access-report": ("?format=csv",),
}
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
    for route, name in addresses_below(get_resolver(), ""):
        if route.startswith("api/"):
            continue  # walked whole by api()
        claimed = (OF_THE_DESK | of_models) if route.startswith("admin/") else known
        if name not in claimed:
            lost.append(f"{route} ({name})")
    return lost


def addresses_below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield every address of a resolver as its route and its name."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses_below(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.name or ""


def pages(who: Blinded) -> Told:
    """Yield the pages that are about no record."""
    for name, address in PAGES_OF_NO_RECORD.items():
        yield name, get(who.browser, address, headers=who.headers)


def api(who: Blinded) -> Told:
    """Yield what every address of the API answers: to reading, to bad parameters, to empty writes.

    Where an address takes an id it is asked for by that of its own kind of record, by that of a
    protected row, and by one never made.
    """
    client = Client(raise_request_exception=False)
    for name, method, path in routed():
        if name in PAGES_OF_NO_RECORD or name.startswith("auth-token"):
            continue
        if who.addresses is not None and name not in who.addresses:
            continue
        for address in _filled(who, path):
            about = f"{name} {method} {address}"
            if method != "GET":
                yield about, _empty(client, method, address, who.headers)
                continue
            for parameters in ("", *_parameters(name, path, who.depth)):
                yield about + parameters, get(client, address + parameters, headers=who.headers)


def _empty(client: Client, method: str, address: str, headers: dict[str, str]) -> Any:
    """Write nothing, and take back whatever came of it."""
    with transaction.atomic():
        answer = told(client.generic(method, address, b"{}", "application/json", headers=headers))
        transaction.set_rollback(True)
    return answer


def _parameters(name: str, path: str, depth: int) -> Iterator[str]:
    yield from GOOD_PARAMETERS.get(name, ())
    if depth > 1 or (depth and "{" not in path):
        yield from _BAD_PARAMETERS


def _filled(who: Blinded, path: str) -> Iterator[str]:
    if "{" not in path:
        yield path
        return
    kinds = KINDS if who.depth > 1 else [kind_of(path)]
    for kind in kinds:
        for record in KINDS[kind](who.world, who.reader.person):
            yield path.replace("{id}", str(record.pk))
    for key in (key_of(protected_models()[0]), NEVER_MADE):
        yield path.replace("{id}", str(key))


def unclaimed_kinds() -> list[str]:
    """Return the addresses whose id is of a kind of record that is not named."""
    return [path for _, _, path in routed() if "{" in path and kind_of(path) not in KINDS]


def unanswered(names: Iterable[str]) -> set[str]:
    """Return the addresses that are read and of which none was answered."""
    read = {name for name, method, _ in routed() if method == "GET"}
    answered = {name.partition(" ")[0] for name in names}
    return read - answered - set(PAGES_OF_NO_RECORD)


def desk(who: Blinded) -> Told:
    """Yield every page of every model: list, search, order, filters, record, history, choices."""
    for name in ("index", "password_change"):
        yield name, get(who.browser, reverse(f"admin:{name}"))
    for label in ("patients", "trials", "events", "audit", "accounts"):
        yield label, get(who.browser, reverse("admin:app_list", args=[label]))
    for model in sorted(who.models or site._registry, key=lambda model: model._meta.label):
        yield from _pages_of(who, model)
    yield "autocomplete", get(who.browser, "/admin/autocomplete/?term=ZQX")


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
        yield f"{label} {query}", get(who.browser, reverse(base + "changelist") + query)
    keys = [row.pk for row in rows] or [_protected_key(model)]
    for index, key in enumerate(keys[: who.depth]):
        for which in ("change", "history"):
            yield f"{label} {which} {index}", get(who.browser, reverse(base + which, args=[key]))
    if who.depth > 1:
        yield f"{label} add", get(who.browser, reverse(base + "add"))


def _protected_key(model: Any) -> Any:
    """Return the key of a row that is there but hidden: its id must lead nowhere."""
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
            made.append(masked(json.dumps(said, sort_keys=True).encode()))
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


# Mounted application by protocol and path -> what a reader gets from it, or where that is shown.
MOUNTED: dict[tuple[str, str], Callable[[Blinded, Any], Told] | str] = {
    ("http", "/"): "Django's own addresses are walked above",
    ("http", "/api/v1/reports/"): "Django's too; its streams say what topics() and api() read",
    # These have connections of their own, which see no world that is rolled back.
    ("websocket", "/ws/live/"): "tests/access/test_blinding_live.py",
    ("http", "/api/v1/intake/"): "tests/access/test_blinding_live.py",
    ("websocket", "/"): socket,
}


def unclaimed_mounts() -> list[str]:
    """Return the mounted applications that no surface reads."""
    return [f"{protocol} {path}" for protocol, path, _ in MOUNTS if (protocol, path) not in MOUNTED]


def mounts(who: Blinded) -> Told:
    """Yield what every mounted application besides Django tells."""
    for protocol, path, served in MOUNTS:
        read = MOUNTED.get((protocol, path))
        if callable(read):
            for part, said in read(who, served):
                yield f"{protocol} {path} {part}", said


SURFACES: Mapping[str, Callable[[Blinded], Told]] = {
    "api": api,
    "pages": pages,
    "desk": desk,
    "commands": commands,
    "metrics": metrics,
    "mounts": mounts,
    "import": imports,
    "topics": topics,
    "letters": letters,
    "documents": documents,
}
