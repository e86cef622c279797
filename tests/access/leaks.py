"""Planted leaks of the arm, one or more for each kind of surface: each must be found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import structlog
from prometheus_client import Counter

from patients import topics
from patients.api import identity, observation_sets, series
from patients.models import Allocation, Patient
from patients.wall import tiles
from portal.access.unblinded import unblinded
from portal.api import rows, views
from portal.api.middleware import ProblemMiddleware
from portal.desk.base import ScopedModelAdmin
from portal.documents import audit_export
from portal.documents.api import views as document_views
from portal.exchange.sdtm.importing.summary import Summary
from portal.live import sources
from portal.notices import selectors as notice_selectors
from portal.notices.services import posting
from portal.ops.metrics import REGISTRY
from tests.access import channels, surfaces
from trials.management.commands import access_report

Patch = pytest.MonkeyPatch


def arms() -> list[str]:
    """Return the arms of all patients, in the order of the patients."""
    with unblinded():
        found = Allocation.objects.order_by("patient__subject_number")
        return list(found.values_list("planned_code", flat=True))


def is_first() -> bool:
    """Whether the first patient is in the first arm."""
    return arms()[0] < arms()[1]


def in_a_serializer(patch: Patch) -> None:
    tell = rows.Plan.tell
    patch.setattr(
        rows.Plan, "tell", lambda self, page: [row | {"arm": arms()[0]} for row in tell(self, page)]
    )


def in_the_order(patch: Patch) -> None:
    tell = rows.Plan.tell
    patch.setattr(
        rows.Plan,
        "tell",
        lambda self, page: tell(self, page)[:: 1 if arms()[0] < arms()[1] else -1],
    )


def in_the_version(patch: Patch) -> None:
    etag_of = views.etag_of
    patch.setattr(views, "etag_of", lambda record: f'"{hash(arms()[0])}{etag_of(record)[1:]}')


def in_a_length(patch: Patch) -> None:
    _answering(patch, lambda answer: answer.headers.__setitem__("X-Size", str(len(arms()[0]))))


def in_an_error(patch: Patch) -> None:
    def say(answer: Any) -> None:
        if answer.status_code >= 400 and arms()[0] > arms()[1]:
            answer.content = answer.content.replace(b'"code":', b'"c0de":')

    _answering(patch, say)


def _answering(patch: Patch, change: Callable[[Any], None]) -> None:
    call = ProblemMiddleware.__call__

    def answer(self: Any, request: Any) -> Any:
        response = call(self, request)
        if request.path_info.startswith("/api/"):
            change(response)
        return response

    patch.setattr(ProblemMiddleware, "__call__", answer)


def in_a_name(patch: Patch) -> None:
    patch.setattr(Patient, "__str__", lambda self: f"{self.subject_number} {arms()[0]}")


def in_a_search(patch: Patch) -> None:
    def search(self: Any, request: Any, found: Any, term: str) -> tuple[Any, bool]:
        return (found if term == "ZQX" and arms()[0] > arms()[1] else found.none()), False

    patch.setattr(ScopedModelAdmin, "get_search_results", search)


def in_the_rows_of_a_list(patch: Patch) -> None:
    get = ScopedModelAdmin.get_queryset

    def fewer(self: Any, request: Any) -> Any:
        found = get(self, request)
        return found.exclude(pk=found.first().pk) if arms()[0] > arms()[1] else found

    patch.setattr(ScopedModelAdmin, "get_queryset", fewer)


def in_a_tile(patch: Patch) -> None:
    show = tiles.tiles
    patch.setattr(tiles, "tiles", lambda *asked: show(*asked)[:: 1 if is_first() else -1])


def in_a_series(patch: Patch) -> None:
    draw = series.chart
    patch.setattr(series, "chart", lambda *asked: draw(*asked) | {"bucket_seconds": 1 + is_first()})


def in_an_identity(patch: Patch) -> None:
    read = identity.read_identity

    def told(**asked: Any) -> Any:
        return replace(read(**asked), contact={"phone": str(is_first())})

    patch.setattr(identity, "read_identity", told)


def in_a_round(patch: Patch) -> None:
    find = observation_sets.candidate

    def found(**asked: Any) -> Any:
        made = find(**asked)
        return replace(made, score=replace(made.score, missing=made.score.missing[is_first() :]))

    patch.setattr(observation_sets, "candidate", found)


def in_an_inbox(patch: Patch) -> None:
    title = notice_selectors.title_of
    patch.setattr(
        notice_selectors, "title_of", lambda kind, **of: title(kind, **of) + " " * is_first() + "."
    )


def in_statistics(patch: Patch) -> None:
    count = notice_selectors.statistics
    patch.setattr(notice_selectors, "statistics", lambda *asked: count(*asked) * (1 + is_first()))


def in_a_snapshot(patch: Patch) -> None:
    data = topics.reading_data
    patch.setattr(topics, "reading_data", lambda *of: data(*of) | {"late": is_first()})


def in_an_update(patch: Patch) -> None:
    source = sources._SOURCES["adverse_event"]
    leaky = source._replace(tell=lambda ids: source.tell(ids) * (1 + is_first()))
    patch.setitem(sources._SOURCES, "adverse_event", leaky)


def in_a_letter(patch: Patch) -> None:
    title = posting.title_of
    patch.setattr(posting, "title_of", lambda kind, **of: title(kind, **of) + "." * is_first())


def in_a_push_message(patch: Patch) -> None:
    tell = channels.payload
    patch.setattr(channels, "payload", lambda letter: tell(letter) + b" " * is_first())


def in_a_document(patch: Patch) -> None:
    rows = audit_export.trail_rows
    patch.setattr(audit_export, "trail_rows", lambda who: (row | _told() for row in rows(who)))


def _told() -> dict[str, Any]:
    return {"source": "api" if is_first() else "task"}


def in_a_file_name(patch: Patch) -> None:
    send = document_views.streamed
    patch.setattr(
        document_views,
        "streamed",
        lambda *parts, file_name, **more: send(
            *parts, file_name=f"{file_name}.{int(is_first())}", **more
        ),
    )


def in_a_report(patch: Patch) -> None:
    patch.setattr(access_report, "cell", lambda text: f"{text}{len(arms()[0])}")


def in_an_import(patch: Patch) -> None:
    finish = Summary.finish

    def counted(self: Any, study: Any, folder: Any) -> None:
        finish(self, study, folder)
        with unblinded():
            code = Allocation.objects.filter(patient__usubjid="S-1").get().planned_code
        self.records["visits"] = len(code) + (code == "ZQXA")

    patch.setattr(Summary, "finish", counted)


def in_a_log_line(patch: Patch) -> None:
    _answering(patch, lambda answer: structlog.get_logger("leak").info("read", arm=arms()[0]))


def in_a_label(patch: Patch) -> None:
    counter = Counter("leak", "Planted.", ["arm"], registry=None)

    def read(who: Any) -> Any:
        counter.labels(arms()[0]).inc()
        REGISTRY.register(counter)
        yield from surfaces.metrics(who)
        REGISTRY.unregister(counter)

    patch.setattr(surfaces, "SURFACES", surfaces.SURFACES)
    patch.setitem(surfaces.SURFACES, "metrics", read)  # type: ignore[arg-type]


def in_a_frame(patch: Patch) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4401, "reason": _ARM[0]})

    def read(who: Any, _served: Any) -> Any:
        _ARM[:] = arms()
        return surfaces.socket(who, refuse)

    patch.setitem(surfaces.MOUNTED, ("websocket", "/"), read)


# An event loop cannot ask the database.
_ARM: list[str] = []


LEAKS: list[tuple[str, Callable[[Patch], None]]] = [
    ("api", in_a_serializer),
    ("api", in_the_order),
    ("api", in_the_version),
    ("api", in_a_length),
    ("api", in_an_error),
    ("api", in_a_log_line),
    ("api", in_a_tile),
    ("api", in_a_series),
    ("api", in_an_identity),
    ("api", in_a_round),
    ("api", in_an_inbox),
    ("api", in_statistics),
    ("topics", in_a_snapshot),
    ("topics", in_an_update),
    ("letters", in_a_letter),
    ("letters", in_a_push_message),
    ("documents", in_a_document),
    ("documents", in_a_file_name),
    ("desk", in_a_name),
    ("desk", in_a_search),
    ("desk", in_the_rows_of_a_list),
    ("commands", in_a_report),
    ("import", in_an_import),
    ("metrics", in_a_label),
    ("mounts", in_a_frame),
]


def name(value: Any) -> str:
    """Return how a leak is called in the name of its test."""
    return str(getattr(value, "__name__", value))
