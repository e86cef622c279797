"""A FHIR R4 Questionnaire as an instrument's definition; what does not fit is told, never guessed.

Source: HL7 FHIR R4 Questionnaire; extensions ordinalValue, minValue, maxValue, translation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from patients.rules.scoring.phq9 import ITEM_LOINC, SUICIDALITY_LOINC

_TYPES = {
    "boolean": "boolean",
    "decimal": "decimal",
    "integer": "integer",
    "date": "date",
    "string": "text",
    "text": "text",
    "choice": "choice",
    "open-choice": "choice",
    "dateTime": "text",
    "time": "text",
    "url": "text",
    "quantity": "text",
}
_ANSWERLESS = ("group", "display")
_DEEPEST = 20
# LOINC's list LL358-3, which questionnaires name without its answers.
_VALUE_SETS = {
    "http://loinc.org/vs/LL358-3": [
        {"value": "LA6568-5", "score": 0, "text": {"en": "Not at all"}},
        {"value": "LA6569-3", "score": 1, "text": {"en": "Several days"}},
        {"value": "LA6570-1", "score": 2, "text": {"en": "More than half the days"}},
        {"value": "LA6571-9", "score": 3, "text": {"en": "Nearly every day"}},
    ]
}
_SAFETY_TEXT = "If you are in danger, call your local emergency number now."


def convert(content: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the definition and remarks on what was changed or left out."""
    remarks: list[str] = []
    language = content.get("language") if isinstance(content.get("language"), str) else "en"
    value_sets = {**_VALUE_SETS, **_contained(content, str(language))}
    items: list[dict[str, Any]] = []
    by_loinc: dict[str, dict[str, Any]] = {}
    for item in _flat(content.get("item"), 0):
        made = _item(item, str(language), value_sets, remarks)
        if made is not None:
            items.append(made)
            by_loinc.update((loinc, made) for loinc in _loincs(item))
    definition: dict[str, Any] = {"items": items}
    suicidality = by_loinc.get(SUICIDALITY_LOINC, {})
    if suicidality and not _counts(suicidality):
        remarks.append(
            f"{suicidality['code']}: asks about self-harm, but its answers do not count."
        )
    elif suicidality:
        suicidality.update(safety=True, critical=True)
        definition["emergency"] = [{"country": "*", "language": "en", "text": _SAFETY_TEXT}]
        remarks.append("Complete the emergency text for the countries of the trial.")
    if all(loinc in by_loinc for loinc in ITEM_LOINC):
        codes = [by_loinc[loinc]["code"] for loinc in ITEM_LOINC]
        definition["scores"] = [{"name": "phq9_total", "algorithm": "phq9", "items": codes}]
    elif any(loinc in by_loinc for loinc in ITEM_LOINC):
        left = [loinc for loinc in ITEM_LOINC if loinc not in by_loinc]
        remarks.append(f"No PHQ-9 total: items {', '.join(left)} are not there.")
    return definition, tuple(remarks)


def _counts(item: Mapping[str, Any]) -> bool:
    choices = item.get("choices") or []
    return bool(choices) and all("score" in choice for choice in choices)


def _contained(content: Mapping[str, Any], language: str) -> dict[str, list[dict[str, Any]]]:
    """Return the value sets that the file carries itself, by their reference."""
    found: dict[str, list[dict[str, Any]]] = {}
    contained = content.get("contained")
    for resource in contained if isinstance(contained, list) else []:
        if not isinstance(resource, Mapping) or resource.get("resourceType") != "ValueSet":
            continue
        concepts = [*_listed(resource, "compose", "include"), *_listed(resource, "expansion")]
        choices = [_choice({"valueCoding": concept}, language) for concept in concepts]
        read = [choice for choice in choices if choice is not None]
        found |= {f"#{resource.get('id')}": read, str(resource.get("url")): read}
    return found


def _listed(resource: Mapping[str, Any], *path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the concepts of a value set: `compose.include[].concept[]`, `expansion.contains[]`."""
    part = resource.get(path[0])
    holders = [part] if len(path) == 1 else (part or {}).get(path[1]) if _is_map(part) else []
    for holder in holders if isinstance(holders, list) else []:
        concepts = (
            holder.get("contains" if len(path) == 1 else "concept") if _is_map(holder) else []
        )
        yield from (one for one in concepts or [] if _is_map(one))


def _is_map(part: Any) -> bool:
    return isinstance(part, Mapping)


def _flat(items: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(items, list) or depth > _DEEPEST:
        return
    for item in items:
        if isinstance(item, Mapping):
            yield item
            yield from _flat(item.get("item"), depth + 1)


def _item(
    item: Mapping[str, Any],
    language: str,
    value_sets: Mapping[str, list[dict[str, Any]]],
    remarks: list[str],
) -> dict[str, Any] | None:
    code, kind = item.get("linkId"), item.get("type")
    if kind in _ANSWERLESS:
        return None
    if not isinstance(code, str) or kind not in _TYPES:
        remarks.append(f"{code}: left out, because its type is {kind!r}.")
        return None
    if _is_computed(item):
        remarks.append(f"{code}: left out, because it is computed and never answered.")
        return None
    if _TYPES[kind] == "text" and kind not in ("string", "text"):
        remarks.append(f"{code}: a {kind} is kept as text.")
    made: dict[str, Any] = {
        "code": code,
        "type": _TYPES[kind],
        "text": {language: item["text"]} if isinstance(item.get("text"), str) else {},
        # An item that is shown on a condition may rightly be left out.
        "required": item.get("required") is True and not item.get("enableWhen"),
    }
    if isinstance(item.get("maxLength"), int):
        made["maximum_length"] = item["maxLength"]
    if kind in ("choice", "open-choice"):
        made["multiple"] = item.get("repeats") is True
        made["choices"] = (
            [] if kind == "open-choice" else _choices(item, language, value_sets, remarks)
        )
    return made


def _choices(
    item: Mapping[str, Any],
    language: str,
    value_sets: Mapping[str, list[dict[str, Any]]],
    remarks: list[str],
) -> list[dict[str, Any]]:
    code, named = item.get("linkId"), item.get("answerValueSet")
    if isinstance(named, str):
        if not value_sets.get(named):
            remarks.append(f"{code}: the answers of {named} are not in the file; any is taken.")
        return [dict(choice) for choice in value_sets.get(named, [])]
    options = item.get("answerOption")
    made = []
    for option in options if isinstance(options, list) else []:
        choice = _choice(option, language) if isinstance(option, Mapping) else None
        if choice is None:
            remarks.append(f"{code}: an answer could not be read; any is taken.")
            return []
        if isinstance(choice.get("score"), str):
            remarks.append(f"{code}: a score is written as text, {choice['score']!r}.")
        made.append(choice)
    return made


def _choice(option: Mapping[str, Any], language: str) -> dict[str, Any] | None:
    coding = option.get("valueCoding")
    holder: Mapping[str, Any] = coding if isinstance(coding, Mapping) else {}
    value = holder.get("code") or holder.get("display")
    value = value or option.get("valueInteger", option.get("valueString"))
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    choice: dict[str, Any] = {"value": value}
    display = holder.get("display")
    if isinstance(display, str):
        choice["text"] = {language: display}
    for extension in [*_extensions(option), *_extensions(holder)]:
        if str(extension.get("url")).endswith("ordinalValue"):
            choice["score"] = extension.get("valueDecimal")
    return choice


def _is_computed(item: Mapping[str, Any]) -> bool:
    urls = (str(extension.get("url")) for extension in _extensions(item))
    marks = ("calculatedExpression", "cqf-expression")
    return item.get("readOnly") is True or any(url.endswith(marks) for url in urls)


def _extensions(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = part.get("extension")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _loincs(item: Mapping[str, Any]) -> Iterator[str]:
    codes = item.get("code")
    for coding in codes if isinstance(codes, list) else []:
        if isinstance(coding, Mapping) and isinstance(coding.get("code"), str):
            yield coding["code"]
