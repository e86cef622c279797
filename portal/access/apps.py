"""Who may do what, declared once."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Permissions, roles, grants, scoping."""

    name = "portal.access"
    label = "access"
    verbose_name = "Access"
