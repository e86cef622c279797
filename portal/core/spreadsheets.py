"""Text in files that people open with a spreadsheet."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula. Source: ASVS 5.0 1.2.10 (F92)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
