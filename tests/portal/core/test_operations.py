"""Operations of ours do to the state what they do to the database."""

from django.db import connection
from django.db.migrations.state import ProjectState

from patients.models import Patient
from portal.core.operations import InstallTriggers

FORMER, LATER = (
    next(one for one in Patient._meta.triggers if one.name == name).compile(Patient)
    for name in ("gate_updated", "gate_inserted")
)


def test_trigger_of_a_name_that_is_there_takes_its_place_and_gives_it_back(db: None) -> None:
    former = FORMER.__class__(name="gate", sql=FORMER.sql)
    later = LATER.__class__(name="gate", sql=LATER.sql)
    before = ProjectState.from_apps(Patient._meta.apps)
    before.models["patients", "patient"].options["triggers"] = [former]
    replace = InstallTriggers("Patient", [later])
    after = before.clone()
    replace.state_forwards("patients", after)

    assert after.models["patients", "patient"].options["triggers"] == [later]
    for from_state, to_state, go, sql in (
        (before, after, replace.database_forwards, later.install_sql),
        (after, before, replace.database_backwards, former.install_sql),
    ):
        with connection.schema_editor(collect_sql=True) as editor:
            go("patients", editor, from_state, to_state)
        assert [one.strip().rstrip(";") for one in editor.collected_sql] == [
            sql.strip().rstrip(";")
        ]


def test_new_trigger_is_taken_away_again(db: None) -> None:
    before = ProjectState.from_apps(Patient._meta.apps)
    before.models["patients", "patient"].options["triggers"] = []
    add = InstallTriggers("Patient", [LATER])
    after = before.clone()
    add.state_forwards("patients", after)

    with connection.schema_editor(collect_sql=True) as editor:
        add.database_backwards("patients", editor, after, before)
    assert [one.strip().rstrip(";") for one in editor.collected_sql] == [
        LATER.uninstall_sql.strip().rstrip(";")
    ]
