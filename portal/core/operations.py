"""Migration operations of our own."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations.operations import AlterField, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class CreateTogether(Operation):
    """Create many tables, their constraints, indexes and triggers, rendering the models once.

    Django's own operations render the whole state again for each of a thousand steps: 40 seconds of
    a first start. `models` are complete CreateModel operations; foreign keys may point anywhere
    among them. `schema_of` of portal.core.models is applied after all migrations, by `migrate`.
    """

    serialization_expand_args = ["models"]
    reversible = True

    def __init__(self, models: Sequence[CreateModel]) -> None:
        self.models = list(models)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add every model to the state."""
        state.__dict__.pop("apps", None)
        for model in self.models:
            model.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create every table; pgtrigger's schema editor installs the triggers in the state."""
        for model in self.models:
            schema_editor.create_model(to_state.apps.get_model(app_label, model.name))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop every table, the last first."""
        for model in reversed(self.models):
            schema_editor.delete_model(from_state.apps.get_model(app_label, model.name))

    def describe(self) -> str:
        """Return what `migrate` prints."""
        return f"Create {len(self.models)} tables"


class AlterTogether(Operation):
    """Alter many fields, rendering the models once; `fields` are complete AlterField operations."""

    serialization_expand_args = ["fields"]
    reversible = True

    def __init__(self, fields: Sequence[AlterField]) -> None:
        self.fields = list(fields)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Alter every field in the state."""
        state.__dict__.pop("apps", None)
        for field in self.fields:
            field.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Alter every field."""
        for field in self.fields:
            field.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Alter every field back."""
        self.database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """Return what `migrate` prints."""
        return f"Alter {len(self.fields)} fields"


class Reword(Operation):
    """Call fields and tables by other words, of which the database knows nothing.

    Django's AlterField would render the models for each of them.
    """

    serialization_expand_args = ["fields"]
    reversible = True

    def __init__(
        self,
        fields: Mapping[str, Mapping[str, str]],
        names: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.fields = fields
        self.names = names or {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Put the words into the state; what is rendered already needs none of them."""
        for model, words in self.fields.items():
            held = state.models[app_label, model].fields
            for name, word in words.items():
                held[name] = held[name].clone()
                held[name].verbose_name = held[name]._verbose_name = word
        for model, (one, many) in self.names.items():
            options = state.models[app_label, model].options
            options |= {"verbose_name": one, "verbose_name_plural": many}

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Do nothing."""

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Do nothing."""

    def describe(self) -> str:
        """Return what `migrate` prints."""
        return f"Reword {sum(map(len, self.fields.values()))} fields"


class InstallTriggers(Operation):
    """Install triggers on one table that is there already, rendering no model.

    One of a name that the table has already takes the place of that one, and nothing is missed.
    """

    serialization_expand_args = ["triggers"]
    reversible = True

    def __init__(self, model_name: str, triggers: Sequence[Any]) -> None:
        self.model_name = model_name
        self.triggers = list(triggers)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add the triggers to the model."""
        state.__dict__.pop("apps", None)
        held = self._held(app_label, state) | {one.name: one for one in self.triggers}
        state.models[app_label, self.model_name.lower()].options["triggers"] = list(held.values())

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Install them; their SQL is complete, and its per cent signs are its own."""
        for trigger in self.triggers:
            schema_editor.execute(trigger.install_sql, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take them away, or bring back those that were there."""
        before = self._held(app_label, to_state)
        for trigger in reversed(self.triggers):
            former = before.get(trigger.name)
            sql = former.install_sql if former else trigger.uninstall_sql
            schema_editor.execute(sql, params=None)

    def _held(self, app_label: str, state: ProjectState) -> dict[str, Any]:
        options = state.models[app_label, self.model_name.lower()].options
        return {one.name: one for one in options.get("triggers", ())}

    def describe(self) -> str:
        """Return what `migrate` prints."""
        return f"Install {len(self.triggers)} triggers on {self.model_name}"


class BuildIndex(AddIndexConcurrently):
    """Add an index to a table in use. It waits for those at work, and nobody waits for it.

    The migration says `atomic = False`. What a build that broke off has left is removed first.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Build the index, however long others take."""
        with schema_editor.connection.cursor() as cursor:
            # The migration's own limit is for locks for which others queue up; here none do.
            cursor.execute("SET lock_timeout = 0")
            cursor.execute(_IS_BROKEN, [self.index.name])
            if cursor.fetchone():
                schema_editor.execute(f'DROP INDEX CONCURRENTLY "{self.index.name}"')
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            cursor.execute("RESET lock_timeout")


_IS_BROKEN = (
    "SELECT 1 FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid "
    "WHERE c.relname = %s AND NOT i.indisvalid"
)


class Together(Operation):
    """Apply many operations of other kinds, rendering the models once."""

    serialization_expand_args = ["operations"]
    reversible = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = list(operations)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Apply every operation to the state."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Apply every operation."""
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take every operation back, the last first."""
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """Return what `migrate` prints."""
        return f"Apply {len(self.operations)} changes"
