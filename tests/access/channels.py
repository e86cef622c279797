"""What reaches a person by other ways than an address: live topics, letters, documents.

Each is walked from its registry: a new topic, kind of notice or kind of document joins by itself,
or says here with what it is made.
"""

import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import orjson
from django.apps import apps
from django.db import transaction
from django.test import Client

from portal.access.scoping import may
from portal.access.trail import resource_of
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.documents import store
from portal.documents.kinds import kinds as document_kinds
from portal.documents.models import Report, ReportUpload
from portal.documents.services.reports import keep_upload
from portal.documents.services.running import FILE_KEPT, Lease
from portal.documents.work import Pulse, Work
from portal.live import sources
from portal.live.topics import kinds as topic_kinds
from portal.notices.channels.email import compose
from portal.notices.channels.push import payload
from portal.notices.models import Preference
from portal.notices.services import posting
from portal.notices.services.telling import tell
from tests.access.arms import arm_now
from tests.access.records import DAY, KINDS, notices_about
from tests.access.told import Blinded, Told, masked, told

# --- live topics ----------------------------------------------------------------------------------


def topics(who: Blinded) -> Told:
    """Yield of every family of topics who may have it, what it shows first and tells again.

    And what every record tells to the topics, whoever listens.
    """
    person = who.reader.person
    for kind in topic_kinds():
        record = _record_of(kind.form, who)
        is_held = kind.may(person, record)
        yield f"{kind.form} may", is_held
        if kind.position:
            yield f"{kind.form} position", kind.position(person)
        if is_held and kind.snapshot:
            yield f"{kind.form} snapshot", _dumped(kind.snapshot(person, record))
        if is_held and kind.replay:
            yield f"{kind.form} replay", _dumped(kind.replay(person, 0))
    models = {resource_of(model): model for model in apps.get_models()}
    for resource in sorted(sources._SOURCES):
        rows = models[resource]._base_manager.order_by("pk")
        said = sources.tellings(resource, list(rows.values_list("pk", flat=True)))
        yield f"{resource} tells", _dumped([list(one) for one in said])


def _record_of(form: str, who: Blinded) -> Any:
    """Return the id that stands in a topic, of the kind that is named before it."""
    kind, is_of_record, _ = form.partition(".<id>")
    if not is_of_record:
        return None
    return next(iter(KINDS[f"{kind}s"](who.world, who.reader.person))).pk


def _dumped(data: Any) -> bytes:
    return masked(orjson.dumps(data, default=str))


# --- letters --------------------------------------------------------------------------------------

_CHANGING_IN_MAIL = re.compile(
    rb"===============\d+==|(?m:^Date: .*$)|[0-9a-f]{8}(-[0-9a-f]{4}){3}-\w+"
)


def letters(who: Blinded) -> Told:
    """Yield the mail and the push message of every kind of notice, one by one and as a digest."""
    with transaction.atomic():
        for is_digest in (False, True):
            for number, letter in enumerate(_letters(who, is_digest=is_digest)):
                mail = compose(letter, "somebody@hospital.example").message().as_bytes()
                name = f"{'digest' if is_digest else 'letter'} {number}"
                yield f"{name} mail", _CHANGING_IN_MAIL.sub(b"*", masked(mail))
                yield f"{name} push", _CHANGING_IN_MAIL.sub(b"*", masked(payload(letter)))
        transaction.set_rollback(True)


def _letters(who: Blinded, *, is_digest: bool) -> Iterator[Any]:
    person, at = who.reader.person, clock.now()
    report = Report.objects.filter(requested_by=person).earliest("pk")
    with acting(by=person, reason="test"):
        Preference.objects.update_or_create(
            person=person, defaults={"digest": is_digest, "email": True, "push": True}
        )
    for kind, about in notices_about(who.world, report):
        tell(kind=kind, about=about, occasion=f"digest {is_digest}", people=[person.pk], at=at)
    while bundles := posting._take(at + 2 * DAY, ()):
        yield from (bundle.letter for bundle in bundles)


# --- documents ------------------------------------------------------------------------------------


def _study(who: Blinded) -> ReportUpload:
    """Send a study as a ZIP file, as whoever imports it does."""
    from tests.access.commands import study

    key = uuid7()
    with tempfile.TemporaryDirectory() as folder:
        study(Path(folder), arm_now())
        with zipfile.ZipFile(store.path_of_upload(key), "w") as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.write(file, file.name)
    return keep_upload(upload=key, sha256="0" * 64, size=1, by=who.reader.person, at=clock.now())


def _version(who: Blinded) -> dict[str, Any]:
    """Name the version of a rule of the reader's trial."""
    return {"version": str(who.world.rule_versions[0].pk)}


Parameters = dict[str, Any] | Callable[[Blinded], dict[str, Any]]
Asked = tuple[Parameters, Callable[[Blinded], ReportUpload] | None]
# Kind of document -> with what it is made: parameters and the file that is sent for it.
DOCUMENTS: Mapping[str, tuple[Asked, ...]] = {
    "audit_export": (({"format": "ndjson"}, None), ({"format": "csv"}, None)),
    "sdtm_import": (({}, _study),),
    "risk_rule_dry_run": ((_version, None),),
}


def documents(who: Blinded) -> Told:
    """Yield every document that the reader may ask for, and how its file is handed over."""
    for kind in document_kinds():
        if may(who.reader.person, kind.permission):
            for number, (asked, upload) in enumerate(DOCUMENTS[kind.code]):
                parameters = asked(who) if callable(asked) else asked
                with transaction.atomic():
                    sent = upload(who) if upload else None
                    yield f"{kind.code} {number}", _made(who, kind, parameters, sent)
                    transaction.set_rollback(True)
                if sent:
                    store.remove(store.path_of_upload(sent.pk))


def _made(who: Blinded, kind: Any, parameters: dict[str, Any], sent: ReportUpload | None) -> Any:
    """Make the document of a report that waits, and fetch it."""
    report = Report.objects.filter(requested_by=who.reader.person).earliest("pk")
    report.kind, report.parameters, report.upload = kind.code, parameters, sent
    work = Work(report, Pulse(Lease(report.pk, uuid7())), Event())
    kind.make(work)
    assert work.output is not None
    store.publish(report.pk, work.output)
    at = clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Report.objects.filter(pk=report.pk).update(
            kind=kind.code, state="finished", started_at=at, finished_at=at,
            content_type=work.output.content_type, extension=work.output.extension,
            sha256=work.output.sha256, size=work.output.size, expires_at=at + FILE_KEPT,
        )  # fmt: skip
    answer = told(Client().get(f"/api/v1/reports/{report.pk}/file/", headers=who.headers))
    store.remove(store.path_of(report.pk, work.output.extension))
    status, headers, content = answer
    # A digest of instants and ids is another one each time.
    headers.pop("Repr-Digest", None)
    return status, headers, re.sub(rb"[0-9a-f]{64}", b"*", content)
