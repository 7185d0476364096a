"""Structured logs: one line of JSON an event on standard error, or a short readable line on a terminal."""

import logging
import sys
from typing import TextIO

import structlog


def set_up(level: str = "info", *, out: TextIO | None = None, service: str = "") -> None:
    """Once per process. `level` is debug, info, warning or error."""
    stream = out or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor
    renderer = structlog.dev.ConsoleRenderer(colors=True) if stream.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=stream, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s", force=True)
    if service:
        structlog.contextvars.bind_contextvars(service=service)
