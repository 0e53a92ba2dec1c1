"""
All dashboards, in the order in which a newcomer should look at them.
"""

from __future__ import annotations

from loadtest.dashboards.actions import ACTIONS
from loadtest.dashboards.channels import CHANNELS
from loadtest.dashboards.overview import OVERVIEW
from loadtest.dashboards.people import PEOPLE
from loadtest.dashboards.reliability import RELIABILITY
from loadtest.dashboards.routing import ROUTING
from loadtest.dashboards.sale import SALE
from loadtest.dashboards.tiers import TIERS


BOARDS = (OVERVIEW, ROUTING, TIERS, PEOPLE, SALE, CHANNELS, ACTIONS, RELIABILITY)
