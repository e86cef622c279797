"""The shared kernel: it imports nothing of ours."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """History, ids, clock, partial dates, errors."""

    name = "portal.core"
    label = "core"
    verbose_name = "Kernel"
