"""
L3: closed-loop tasks on the shop's business system.

A planner understands what the customer wants, a recipe computes and executes
it in typed steps, policy says what is allowed, money splits to the cent, and
the ledger port keeps each action's life. Deliberately not here: the store
behind the ledger, and any decision by text alone: policy is evaluated on data.
"""
