"""
A shop with people, on a real store, whose clock the test moves.
"""

from __future__ import annotations

from loadtest.people_house import AT_ONCE, SHOP, Clock, People, open_people, operator


__all__ = ["AT_ONCE", "SHOP", "Clock", "People", "open_people", "operator"]
