"""
What answers: one engine per tier, and the vocabulary they share with the rest.

An engine gets a :class:`~engines.contract.Turn` and returns an answer or an
escalation. Deliberately not here: HTTP, the store, the router, logging,
metrics, retries. An engine holds no state of a conversation; what it must
remember travels in the turn (``open_task``) or goes through a port.
"""
