"""Sessions and accounts keep what the gates of patients know of them (ADR 0011).

The gates know nothing of them before patients.0012, and nothing is missed in between.
"""

import pgtrigger.compiler
from django.db import migrations

import portal.core.operations
import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_words_of_technical_fields"),
        ("patients", "0010_references_of_records"),
    ]

    operations = [
        portal.core.operations.InstallTriggers(
            model_name="session",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedLookupSql(
                        func="PERFORM FROM public.accounts_user t WHERE t.id = ANY (ARRAY(SELECT r.user_id FROM new_values r WHERE r.kind = 'device' AND r.patient_id IS NOT NULL)) ORDER BY t.id FOR SHARE; PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r WHERE r.kind = 'device' AND r.patient_id IS NOT NULL)); RETURN NULL;",
                        hash="414636ccffe809d6e5c19eb026a935b37725f4de",
                        level="STATEMENT",
                        operation="INSERT",
                        pgid="pgtrigger_gate_inserted_d1dbd",
                        referencing="REFERENCING NEW TABLE AS new_values ",
                        table="accounts_session",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedLookupSql(
                        func="PERFORM FROM public.accounts_user t WHERE t.id = ANY (ARRAY(SELECT b.user_id FROM (SELECT r.id, r.user_id, r.kind, r.patient_id FROM new_values r EXCEPT SELECT r.id, r.user_id, r.kind, r.patient_id FROM old_values r) b)) ORDER BY t.id FOR SHARE; PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r WHERE r.kind = 'device' AND r.patient_id IS NOT NULL UNION SELECT r.patient_id FROM old_values r WHERE r.kind = 'device' AND r.patient_id IS NOT NULL)); RETURN NULL;",
                        hash="7f8ff37f6beaa69a1fa74bce93bb5ef25c6363ad",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_f02b2",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="accounts_session",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_deleted",
                    sql=portal.core.triggers.GuardedLookupSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM old_values r WHERE r.kind = 'device' AND r.patient_id IS NOT NULL)); RETURN NULL;",
                        hash="0a35267aa526185dd0b75ad7f3759301f39c52eb",
                        level="STATEMENT",
                        operation="DELETE",
                        pgid="pgtrigger_gate_deleted_41381",
                        referencing="REFERENCING OLD TABLE AS old_values ",
                        table="accounts_session",
                        when="AFTER",
                    ),
                ),
            ],
        ),
        portal.core.operations.InstallTriggers(
            model_name="user",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedLookupSql(
                        condition='WHEN (OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."session_version" IS DISTINCT FROM (NEW."session_version"))',
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT s.patient_id FROM public.accounts_session s WHERE s.user_id = NEW.id AND s.kind = 'device' AND s.patient_id IS NOT NULL ORDER BY s.id FOR NO KEY UPDATE)); RETURN NULL;",
                        hash="c32d8811af441dc924433ae883e0fd4526ee914c",
                        operation='UPDATE OF "is_active", "session_version"',
                        pgid="pgtrigger_gate_updated_6a4aa",
                        table="accounts_user",
                        when="AFTER",
                    ),
                ),
            ],
        ),
    ]
