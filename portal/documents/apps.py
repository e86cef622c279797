"""Reports: long work in the background."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class DocumentsConfig(AppConfig):
    """Reports, who asked for them, how far they are, and their files."""

    name = "portal.documents"
    label = "documents"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Find the kinds of reports that the apps offer, and measure what waits."""
        autodiscover_modules("report_kinds")
        from portal.documents import metrics  # noqa: F401 - registers itself
