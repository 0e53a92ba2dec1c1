"""
People: a queue of handoffs, offers to operators, claims, tickets.

The state machine is a table; every move is one atomic store function.
Deliberately not here: routing and admission of machine tiers.
"""
