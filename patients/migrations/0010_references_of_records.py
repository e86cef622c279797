"""Protocol versions, source records and devices are held at the end of a statement, too (ADR 0011)."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import portal.core.operations
import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0009_gates_of_many"),
        ("trials", "0005_references_of_records"),
    ]

    operations = [
        portal.core.operations.Together(
            operations=[
                pgtrigger.migrations.RemoveTrigger(
                    model_name="diaryanswer",
                    name="refers_insert",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="diaryanswer",
                    name="refers_update",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="eproreport",
                    name="refers_insert",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="eproreport",
                    name="refers_update",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="vitalsign",
                    name="refers_insert",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="vitalsign",
                    name="refers_update",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="vitalsupload",
                    name="refers_insert",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="vitalsupload",
                    name="refers_update",
                ),
                migrations.AlterField(
                    model_name="diaryanswer",
                    name="protocol_version",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="trials.protocolversion",
                        verbose_name="protocol version",
                    ),
                ),
                migrations.AlterField(
                    model_name="diaryanswer",
                    name="source_record",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.sourcerecord",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="device",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.device",
                        verbose_name="device",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="protocol_version",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="trials.protocolversion",
                        verbose_name="protocol version",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="source_record",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.sourcerecord",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsign",
                    name="device",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.device",
                        verbose_name="device",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsign",
                    name="protocol_version",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="trials.protocolversion",
                        verbose_name="protocol version",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsign",
                    name="source_record",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.sourcerecord",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsupload",
                    name="protocol_version",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="trials.protocolversion",
                        verbose_name="protocol version",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsupload",
                    name="source_record",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.sourcerecord",
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="device",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_deleted",
                        sql=portal.core.triggers.GuardedTriggerSql(
                            func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                            hash="e21d9648ec0c11cc9932653e499205b9d378f178",
                            level="STATEMENT",
                            operation="DELETE OR TRUNCATE",
                            pgid="pgtrigger_never_deleted_d4045",
                            table="patients_device",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="diaryanswer",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="ef02f87030ef66b282d18a9b3357759f537c5a75",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_refers_insert_6cc22",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_diaryanswer",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="diaryanswer",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_update",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="19d16ca449422862d08ec1616d505bd7c074d0f3",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_refers_update_223fe",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_diaryanswer",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="eproreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="5977c77c592027ae3392c2805f20288684aff1d7",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_refers_insert_170be",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_eproreport",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="eproreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_update",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="e69584a43cd719330d5014b817fcc66749e26df0",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_refers_update_35182",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_eproreport",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsign",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="bc41abd2e5140e94e1c718edd42592e2fa16fc78",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_refers_insert_c6794",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_vitalsign",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsign",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_update",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id LEFT JOIN patients_device t_device_id ON t_device_id.id = n.device_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL) OR (n.device_id IS NOT NULL AND t_device_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="d2a25eeba8eab3bb17274ee7c1114764e30a028f",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_refers_update_337fe",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_vitalsign",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsupload",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="60bae9cf66c86d979902b39547cc82ef891c8c61",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_refers_insert_81318",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_vitalsupload",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsupload",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_update",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_protocolversion t_protocol_version_id ON t_protocol_version_id.id = n.protocol_version_id LEFT JOIN patients_sourcerecord t_source_record_id ON t_source_record_id.id = n.source_record_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.protocol_version_id IS NOT NULL AND t_protocol_version_id.id IS NULL) OR (n.source_record_id IS NOT NULL AND t_source_record_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="4f18c777120aaee1604840ce4deed6fef8e82012",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_refers_update_63a98",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_vitalsupload",
                            when="AFTER",
                        ),
                    ),
                ),
            ]
        ),
    ]
