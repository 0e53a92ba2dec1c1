"""
What the supervisor hands to a worker.
"""

from __future__ import annotations

import msgspec

from gateway.config import Config


#: Exit code of a worker that cannot use its configuration (sysexits.h).
EX_CONFIG = 78
#: Exit code of a worker that found no store: it is started again.
EX_UNAVAILABLE = 69


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the supervisor hands to a worker, as a JSON file of mode 600.

    Attributes:
        config: With every key filled in and the store's address set.
    """

    config: Config
    visitor_secret: str
