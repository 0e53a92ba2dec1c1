"""
Closed-loop tasks as typed steps: compute, propose, execute, tell.

A recipe computes a proposal from the shop's records and names the steps that
carry it out. It never decides whether it may (policy does) and never calls an
effect by itself (the executor does, through the ledger).
"""

from __future__ import annotations

from engines.agent.recipes.cancel_order import CancelOrder
from engines.agent.recipes.change_address import ChangeAddress
from engines.agent.recipes.recipe import Computed, Recipe
from engines.agent.recipes.refund_item import RefundItem


__all__ = ["CancelOrder", "ChangeAddress", "Computed", "Recipe", "RefundItem"]
