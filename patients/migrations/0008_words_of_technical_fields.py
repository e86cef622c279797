"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("patients", "0007_open_upload_gates")]

    operations = [
        Reword(
            {
                "coding": {
                    "superseded_by": "superseded by",
                },
                "codinghistory": {
                    "superseded_by": "superseded by",
                },
                "datafinding": {
                    "data_point": "data point",
                },
                "datafindinghistory": {
                    "data_point": "data point",
                },
                "datapoint": {
                    "event_oid": "event (ODM)",
                    "event_repeat_key": "repeat of the event",
                    "form_oid": "form (ODM)",
                    "form_repeat_key": "repeat of the form",
                    "group_oid": "group of items (ODM)",
                    "group_repeat_key": "repeat of the group",
                    "item_oid": "item (ODM)",
                    "patient": "patient",
                    "site": "site",
                    "trial": "trial",
                },
                "datapointhistory": {
                    "event_oid": "event (ODM)",
                    "event_repeat_key": "repeat of the event",
                    "form_oid": "form (ODM)",
                    "form_repeat_key": "repeat of the form",
                    "group_oid": "group of items (ODM)",
                    "group_repeat_key": "repeat of the group",
                    "item_oid": "item (ODM)",
                    "patient": "patient",
                    "site": "site",
                    "trial": "trial",
                },
                "patientuserpermission": {
                    "content_object": "patient",
                    "permission": "right",
                    "user": "person",
                    "valid_from": "from",
                    "valid_until": "until",
                },
                "protectedfinding": {
                    "data_point": "data point",
                },
                "protectedfindinghistory": {
                    "data_point": "data point",
                },
                "riskrulecursor": {
                    "last_at": "last reading judged",
                    "last_id": "its key",
                    "patient": "patient",
                    "rule_version": "version of the rule",
                    "state": "memory",
                },
                "vitalrollup": {
                    "patient": "patient",
                    "site": "site",
                    "trial": "trial",
                },
                "vitalsample": {
                    "device": "device",
                    "patient": "patient",
                    "site": "site",
                    "trial": "trial",
                    "vitals_upload": "upload of readings",
                },
            },
            names={
                "patientuserpermission": ("right at a patient", "rights at patients"),
                "riskrulecursor": ("progress of a rule", "progress of rules"),
            },
        )
    ]
