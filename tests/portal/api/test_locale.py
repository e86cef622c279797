"""What the API says is said in every language that the portal speaks."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from portal.accounts.services import credentials, sessions, sign_in_limits, tokens, users
from portal.api.errors import problem_of
from portal.api.problems import DETAILS, TITLES
from portal.core import errors

CATALOG = Path(errors.__file__).parents[1] / "api/locale/zh_Hans/LC_MESSAGES/django.po"


def _sentences() -> set[str]:
    modules = (errors, sessions, tokens, credentials, sign_in_limits, users)
    refusals = {
        found().detail
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, errors.DomainError)
        and found not in (errors.DomainError, sign_in_limits.AccountLocked)
    }
    return refusals | set(TITLES.values()) | set(DETAILS.values())


@pytest.mark.parametrize("sentence", sorted(_sentences()))
def test_every_refusal_is_translated(sentence: str) -> None:
    with translation.override("zh-hans"):
        assert translation.gettext(sentence) != sentence


def test_each_refused_part_is_told_in_the_readers_language() -> None:
    refused = errors.Stale(
        errors=(
            errors.FieldError("/version", errors.Stale.code, "version"),
            errors.FieldError("/reason", "required", "A reason is required."),
            errors.FieldError("/name", "odd", ""),
        )
    )
    with translation.override("zh-hans"):
        problem = problem_of(refused)
        whole = translation.gettext(refused.detail)
        reason = translation.gettext("A reason is required.")
    assert whole != refused.detail
    assert [part.detail for part in problem.errors] == [whole, reason, ""]


def test_the_compiled_catalog_is_the_written_one() -> None:
    written = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', CATALOG.read_text(), re.MULTILINE)
    assert len(written) > 50
    with translation.override("zh-hans"):
        for original, translated in written:
            assert translation.gettext(original) == translated
