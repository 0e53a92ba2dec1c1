"""
L3: closed-loop tasks on the shop's business system.

A planner understands what the customer wants (``planner``, ``drafting``,
``reading``), a recipe computes it in figures (``recipes``, ``money``), policy
judges it on data (``policy``), the customer confirms exactly that
(``proposals``, ``consents``), and the executor carries it out through the
ledger (``execution``, ``ledger``). Deliberately not here: the store behind the
ledger, and any decision by text alone.
"""
