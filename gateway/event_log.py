"""
Log lines of events: JSON, with the time, and personal data masked.

The only module that knows structlog.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

from engines.guard import mask_personal_data
from gateway.line_buffer import LineBuffer


def open_log(sink: LineBuffer, level: str) -> Any:
    """A structlog logger that writes to *sink* from *level* on."""
    encoder = msgspec.json.Encoder(enc_hook=str)

    def render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> bytes:
        return encoder.encode(event)

    return structlog.wrap_logger(
        structlog.BytesLogger(sink),  # type: ignore[arg-type]
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            mask_values,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


#: Fields whose values are ours and closed, so that masking may skip them.
_SAFE_FIELDS = frozenset({"event", "level", "timestamp", "shop", "channel", "tier"})


def mask_values(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: mask personal data in every free value."""
    for key, value in event.items():
        if type(value) is str and key not in _SAFE_FIELDS:
            event[key] = mask_personal_data(value)
    return event
