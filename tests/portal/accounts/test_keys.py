"""The portal does not start with weak keys, nor believes tokens of another mode (J6, J12, J16)."""

import os
import subprocess
import sys

import pytest

STRONG = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP",
    "JWT_SIGNING_KEY": "PONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210",
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from django.conf import settings; print(settings.SIMPLE_JWT['ISSUER'])",
        ],
        env={**os.environ, **STRONG, "DJANGO_SETTINGS_MODULE": "portal.settings", **changes},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.req("J12")
@pytest.mark.parametrize(
    "changes",
    [
        {"SECRET_KEY": ""},
        {"JWT_SIGNING_KEY": ""},
        {"SECRET_KEY": "short"},
        {"JWT_SIGNING_KEY": "x" * 31},
        {"SECRET_KEY": "django-insecure-" + "x" * 50},
        {"JWT_SIGNING_KEY": STRONG["SECRET_KEY"]},
    ],
)
def test_weak_missing_or_equal_keys_are_refused_at_start(changes: dict[str, str]) -> None:
    started = start(**changes)

    assert started.returncode != 0
    assert "ImproperlyConfigured" in started.stderr


@pytest.mark.req("J6")
def test_each_mode_issues_and_believes_its_own_tokens_only() -> None:
    issuers = {start(PORTAL_MODE=mode).stdout for mode in ("development", "production", "test")}

    assert len(issuers) == 3
