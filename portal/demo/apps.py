"""The demo: a made-up sponsor's trials, for trying the portal and for its tests."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The command that fills an empty portal."""

    name = "portal.demo"
    label = "demo"
    verbose_name = "Demo"
