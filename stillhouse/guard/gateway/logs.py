"""Log lines as JSON on standard error, one object a line: what collectors read without being told how."""

import json
import logging
import sys
from datetime import UTC, datetime

__all__ = ["JsonLines", "log_to_stderr"]


class JsonLines(logging.Formatter):
    """`time`, `level`, `event`, the fields given as `extra={"fields": {...}}`, and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage()}
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(quiet: bool) -> None:
    """Send everything from the level INFO on (WARNING if `quiet`) to standard error. Replaces what was set before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if quiet else logging.INFO)
    for noisy in ("uvicorn", "uvicorn.error", "asyncio", "alembic", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
