"""Logs: one JSON object a line, on standard output, with the request id of web and worker alike.

A reader who does not keep up misses lines; no request waits for him (UnhinderedHandler).

They never hold a token, a password or what the database says about the values of a row. JSON
escapes line ends and control characters, so no input can forge a line (OWASP ASVS 5.0 16.4.1).
"""

import logging.config
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from portal.unhindered import Outlet

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_NAMED = re.compile(
    r"""(?i)(["']?\b\w*(?:password|passwd|secret|token)\w*["']?\s*[:=]\s*)["']?[^"',\s}&]+["']?"""
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@/\s]+@")
# PostgreSQL repeats the values of the refused row after these words.
_ROW_VALUES = re.compile(r"(?s)\b(DETAIL|CONTEXT):.*")
_SECRET_NAMES = re.compile(
    r"(?i)password|passwd|secret|token|authorization|cookie|api_?key|signing_?key"
)
_LONGEST = 4000
# For a reader of our lines who is behind.
_PATIENCE_SECONDS = 0.05
_DEEPEST = 12


def scrub(value: Any, depth: int = 0) -> Any:
    """Return `value` without what no log may hold."""
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, str):
        return _scrub_text(value)
    if isinstance(value, Mapping):
        return {
            str(key): "[removed]" if _names_a_secret(key, inner) else scrub(inner, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub(inner, depth + 1) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _scrub_text(str(value))


def _names_a_secret(key: Any, value: Any) -> bool:
    return isinstance(value, str | bytes) and bool(_SECRET_NAMES.search(str(key)))


def _scrub_text(text: str) -> str:
    for pattern, replacement in (
        (_JWT, "[token]"),
        (_BEARER, r"\1 [removed]"),
        (_NAMED, r"\1[removed]"),
        (_URL_PASSWORD, r"\1:[removed]@"),
        (_ROW_VALUES, "[values removed]"),
    ):
        text = pattern.sub(replacement, text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _scrub_event(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    scrubbed: dict[str, Any] = scrub(event)
    return scrubbed


def _drop_exception_object(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep the traceback that was rendered; an exception's repr may hold anything."""
    for key, value in list(event.items()):
        if isinstance(value, BaseException):
            event[key] = type(value).__name__
    return event


class OnlyFailures(logging.Filter):
    """Let through what carries an exception: an answer's status has its line already."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record tells more than the request's own line."""
        return bool(record.exc_info)


class UnhinderedHandler(logging.StreamHandler[Any]):
    """Writes to its stream what that takes at once; `lost` counts the lines that it did not."""

    lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, if somebody takes it."""
        outlet = self._outlet()
        if outlet is None:
            super().emit(record)
            return
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if not outlet.write(f"{line}{self.terminator}".encode(errors="backslashreplace")):
            UnhinderedHandler.lost += 1

    def _outlet(self) -> Outlet | None:
        """Return what the stream writes to, None where it is no file."""
        held = getattr(self, "_held", None)
        if held is None or held[0] is not self.stream:
            try:
                held = self.stream, Outlet(self.stream.fileno(), _PATIENCE_SECONDS)
            except (AttributeError, OSError, ValueError):
                held = self.stream, None
            self._held = held
        outlet: Outlet | None = held[1]
        return outlet


_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)
)
_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
)


def configure(options: Mapping[str, Any]) -> None:
    """Set up logging for the process; `options` holds the `level`. Django calls it at setup."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(_dictionary(str(options.get("level", "INFO"))))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _dictionary(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": list(_SHARED),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _drop_exception_object,
                    _TRACEBACKS,
                    _scrub_event,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "filters": {"only_failures": {"()": OnlyFailures}},
        "handlers": {
            "standard_output": {
                "()": UnhinderedHandler,
                "stream": "ext://sys.stdout",
                "formatter": "json",
            }
        },
        "root": {"handlers": ["standard_output"], "level": level},
        "loggers": {
            # Their handlers would write a second line, in another form.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.request": {"level": "ERROR", "filters": ["only_failures"]},
            "uvicorn": {"level": "INFO"},
            "uvicorn.access": {"level": "CRITICAL"},
            # django_structlog says what becomes of every task.
            "celery.app.trace": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
