"""What reports and readings name is held at the end of each statement (ADR 0011)."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import portal.core.operations
import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0003_whose_rights_changed"),
        ("accounts", "0004_references_by_statement"),
        ("trials", "0003_references_by_statement"),
    ]

    operations = [
        portal.core.operations.Together(
            operations=[
                pgtrigger.migrations.RemoveTrigger(
                    model_name="diaryanswer",
                    name="placed_by_patient",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="eproreport",
                    name="placed_by_patient",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="reportprocessing",
                    name="placed_by_patient",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="vitalsign",
                    name="placed_by_patient",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="vitalsupload",
                    name="placed_by_patient",
                ),
                migrations.AlterField(
                    model_name="diaryanswer",
                    name="patient",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                migrations.AlterField(
                    model_name="diaryanswer",
                    name="report",
                    field=models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="patients.eproreport",
                        verbose_name="report",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="assignment",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="patients.diaryassignment",
                        verbose_name="day",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="instrument",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="trials.instrument",
                        verbose_name="known instrument",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="patient",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                migrations.AlterField(
                    model_name="eproreport",
                    name="recorded_by",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                migrations.AlterField(
                    model_name="reportprocessing",
                    name="patient",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                migrations.AlterField(
                    model_name="reportprocessing",
                    name="report",
                    field=models.OneToOneField(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="processing",
                        to="patients.eproreport",
                        verbose_name="diary report",
                    ),
                ),
                migrations.AlterField(
                    model_name="reportprocessing",
                    name="vitals_upload",
                    field=models.OneToOneField(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="processing",
                        to="patients.vitalsupload",
                        verbose_name="upload of readings",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsign",
                    name="patient",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsign",
                    name="report",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vitals",
                        to="patients.eproreport",
                        verbose_name="report",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsign",
                    name="vitals_upload",
                    field=models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vitals",
                        to="patients.vitalsupload",
                        verbose_name="upload of readings",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsupload",
                    name="patient",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                migrations.AlterField(
                    model_name="vitalsupload",
                    name="recorded_by",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="diaryanswer",
                    trigger=pgtrigger.compiler.Trigger(
                        name="placed_by_patient",
                        sql=portal.core.triggers.GuardedRowTriggerSql(
                            condition="WHEN (NEW.trial_id IS NULL OR NEW.site_id IS NULL)",
                            declare="DECLARE home record;",
                            func="\n        SELECT p.trial_id, p.site_id INTO home\n        FROM public.patients_patient p WHERE p.id = NEW.patient_id;\n        NEW.trial_id := home.trial_id;\n        IF NEW.site_id IS NULL THEN\n            NEW.site_id := home.site_id;\n        ELSIF NEW.site_id <> home.site_id AND NOT EXISTS (\n            SELECT 1 FROM public.patients_patientsite s\n            WHERE s.patient_id = NEW.patient_id AND s.site_id = NEW.site_id\n        ) THEN\n            RAISE EXCEPTION 'the patient was never at that site' USING ERRCODE = 'check_violation',\n                CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n        END IF;\n        RETURN NEW;\n    ",
                            hash="70d6c7c6be83ed7ff4c82133129791a6ba3581b1",
                            operation="INSERT",
                            pgid="pgtrigger_placed_by_patient_ffee8",
                            table="patients_diaryanswer",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="diaryanswer",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="0ea255a09fffb6fca9de95c88b240a6474ab55d6",
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
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id\n        WHERE p.id IS NULL OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="0d40ad62afe1d277f94895e7dddcf7c6019d0ecf",
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
                    model_name="diaryassignment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_deleted",
                        sql=portal.core.triggers.GuardedTriggerSql(
                            func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                            hash="1f0577f7c81ff398ff315b7ab75fc1828a225a41",
                            level="STATEMENT",
                            operation="DELETE OR TRUNCATE",
                            pgid="pgtrigger_never_deleted_b9892",
                            table="patients_diaryassignment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="eproreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="placed_by_patient",
                        sql=portal.core.triggers.GuardedRowTriggerSql(
                            condition="WHEN (NEW.trial_id IS NULL OR NEW.site_id IS NULL)",
                            declare="DECLARE home record;",
                            func="\n        SELECT p.trial_id, p.site_id INTO home\n        FROM public.patients_patient p WHERE p.id = NEW.patient_id;\n        NEW.trial_id := home.trial_id;\n        IF NEW.site_id IS NULL THEN\n            NEW.site_id := home.site_id;\n        ELSIF NEW.site_id <> home.site_id AND NOT EXISTS (\n            SELECT 1 FROM public.patients_patientsite s\n            WHERE s.patient_id = NEW.patient_id AND s.site_id = NEW.site_id\n        ) THEN\n            RAISE EXCEPTION 'the patient was never at that site' USING ERRCODE = 'check_violation',\n                CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n        END IF;\n        RETURN NEW;\n    ",
                            hash="487ae4742fb6da98c8d36c77d59189bb43bfc630",
                            operation="INSERT",
                            pgid="pgtrigger_placed_by_patient_ef827",
                            table="patients_eproreport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="eproreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_deleted",
                        sql=portal.core.triggers.GuardedTriggerSql(
                            func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                            hash="9c4945d4ea0ac26fdfa502787e06cb354595a7d8",
                            level="STATEMENT",
                            operation="DELETE OR TRUNCATE",
                            pgid="pgtrigger_never_deleted_017f0",
                            table="patients_eproreport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="eproreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="bb0741d5b61867cac3d173ad2a142f60eb0c462f",
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
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN trials_instrument t_instrument_id ON t_instrument_id.id = n.instrument_id LEFT JOIN patients_diaryassignment t_assignment_id ON t_assignment_id.id = n.assignment_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.instrument_id IS NOT NULL AND t_instrument_id.id IS NULL) OR (n.assignment_id IS NOT NULL AND t_assignment_id.id IS NULL) OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="5a3f9278061362b1ae96d6888f76e45884ac470e",
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
                    model_name="patient",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_deleted",
                        sql=portal.core.triggers.GuardedTriggerSql(
                            func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                            hash="a55ba1fe417d95e6c31a944e17cdc7948331b39f",
                            level="STATEMENT",
                            operation="DELETE OR TRUNCATE",
                            pgid="pgtrigger_never_deleted_c0645",
                            table="patients_patient",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportprocessing",
                    trigger=pgtrigger.compiler.Trigger(
                        name="placed_by_patient",
                        sql=portal.core.triggers.GuardedRowTriggerSql(
                            condition="WHEN (NEW.trial_id IS NULL OR NEW.site_id IS NULL)",
                            declare="DECLARE home record;",
                            func="\n        SELECT p.trial_id, p.site_id INTO home\n        FROM public.patients_patient p WHERE p.id = NEW.patient_id;\n        NEW.trial_id := home.trial_id;\n        IF NEW.site_id IS NULL THEN\n            NEW.site_id := home.site_id;\n        ELSIF NEW.site_id <> home.site_id AND NOT EXISTS (\n            SELECT 1 FROM public.patients_patientsite s\n            WHERE s.patient_id = NEW.patient_id AND s.site_id = NEW.site_id\n        ) THEN\n            RAISE EXCEPTION 'the patient was never at that site' USING ERRCODE = 'check_violation',\n                CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n        END IF;\n        RETURN NEW;\n    ",
                            hash="992d0fb77db4ad18d5b890694e21658d78b9a19f",
                            operation="INSERT",
                            pgid="pgtrigger_placed_by_patient_e3b8b",
                            table="patients_reportprocessing",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportprocessing",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="79205ed1caca334e5739de29c28f1e51cfa940a4",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_refers_insert_efdad",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_reportprocessing",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportprocessing",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_update",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="669692094cfc8a20e7ef16735622250aa1136571",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_refers_update_085d6",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_reportprocessing",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsign",
                    trigger=pgtrigger.compiler.Trigger(
                        name="placed_by_patient",
                        sql=portal.core.triggers.GuardedRowTriggerSql(
                            condition="WHEN (NEW.trial_id IS NULL OR NEW.site_id IS NULL)",
                            declare="DECLARE home record;",
                            func="\n        SELECT p.trial_id, p.site_id INTO home\n        FROM public.patients_patient p WHERE p.id = NEW.patient_id;\n        NEW.trial_id := home.trial_id;\n        IF NEW.site_id IS NULL THEN\n            NEW.site_id := home.site_id;\n        ELSIF NEW.site_id <> home.site_id AND NOT EXISTS (\n            SELECT 1 FROM public.patients_patientsite s\n            WHERE s.patient_id = NEW.patient_id AND s.site_id = NEW.site_id\n        ) THEN\n            RAISE EXCEPTION 'the patient was never at that site' USING ERRCODE = 'check_violation',\n                CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n        END IF;\n        RETURN NEW;\n    ",
                            hash="ee6cedb4fa4f5c0f002bc3ffbdffbcd6e428bf01",
                            operation="INSERT",
                            pgid="pgtrigger_placed_by_patient_db234",
                            table="patients_vitalsign",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsign",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="288c532afb8532a7f831b041e741b4d042dd3c03",
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
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN patients_eproreport t_report_id ON t_report_id.id = n.report_id LEFT JOIN patients_vitalsupload t_vitals_upload_id ON t_vitals_upload_id.id = n.vitals_upload_id\n        WHERE p.id IS NULL OR (n.report_id IS NOT NULL AND t_report_id.id IS NULL) OR (n.vitals_upload_id IS NOT NULL AND t_vitals_upload_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="33125bf9cca9f81fa0551b2425a01282d45cc648",
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
                        name="placed_by_patient",
                        sql=portal.core.triggers.GuardedRowTriggerSql(
                            condition="WHEN (NEW.trial_id IS NULL OR NEW.site_id IS NULL)",
                            declare="DECLARE home record;",
                            func="\n        SELECT p.trial_id, p.site_id INTO home\n        FROM public.patients_patient p WHERE p.id = NEW.patient_id;\n        NEW.trial_id := home.trial_id;\n        IF NEW.site_id IS NULL THEN\n            NEW.site_id := home.site_id;\n        ELSIF NEW.site_id <> home.site_id AND NOT EXISTS (\n            SELECT 1 FROM public.patients_patientsite s\n            WHERE s.patient_id = NEW.patient_id AND s.site_id = NEW.site_id\n        ) THEN\n            RAISE EXCEPTION 'the patient was never at that site' USING ERRCODE = 'check_violation',\n                CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n        END IF;\n        RETURN NEW;\n    ",
                            hash="00c8dd8cf648623b28da1770afa08485bf621a11",
                            operation="INSERT",
                            pgid="pgtrigger_placed_by_patient_5f54a",
                            table="patients_vitalsupload",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsupload",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_deleted",
                        sql=portal.core.triggers.GuardedTriggerSql(
                            func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                            hash="1d5e26e106fa704cd62a08af01f89dd0338152e7",
                            level="STATEMENT",
                            operation="DELETE OR TRUNCATE",
                            pgid="pgtrigger_never_deleted_24430",
                            table="patients_vitalsupload",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="vitalsupload",
                    trigger=pgtrigger.compiler.Trigger(
                        name="refers_insert",
                        sql=portal.core.triggers.GuardedLookupSql(
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="eda99c8afac433ae62fc892a2d6be47c4029d441",
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
                            func="\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL)\n            OR (n.site_id <> p.site_id AND NOT EXISTS (\n                SELECT FROM patients_patientsite s\n                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));\n        IF NOT FOUND THEN\n            RETURN NULL;\n        END IF;\n        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id LEFT JOIN accounts_user t_recorded_by_id ON t_recorded_by_id.id = n.recorded_by_id\n        WHERE p.id IS NULL OR (n.recorded_by_id IS NOT NULL AND t_recorded_by_id.id IS NULL);\n        IF FOUND THEN\n            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME\n                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';\n        END IF;\n        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',\n            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';\n    ",
                            hash="fbc63c089e1a9c4a3d745152f2d107615aef3ed3",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_refers_update_63a98",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="patients_vitalsupload",
                            when="AFTER",
                        ),
                    ),
                ),
            ],
        ),
    ]
