"""Lists that say which of their filters are in use: filters are folded while rows are read."""

from django.contrib.admin.views.main import ChangeList
from django.utils.text import capfirst


class DeskList(ChangeList):
    """The rows of a list, with its filters in words."""

    @property
    def filters_in_use(self) -> list[str]:
        """Return each filter that leaves rows out, with what it asks for."""
        return [
            f"{capfirst(spec.title)}: {choice['display']}"
            for spec in self.filter_specs
            # The first choice of every filter leaves nothing out.
            for choice in list(spec.choices(self))[1:]
            if choice["selected"]
        ]
