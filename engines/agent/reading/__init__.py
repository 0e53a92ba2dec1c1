"""
Reading a customer's words without a model: pure functions from text to meaning.

``text`` cleans and counts, ``consent`` tells yes from no, ``wishes`` which task
is wanted, ``references`` which order, line and quantity, ``addresses`` where
to. Deliberately not here: what follows from it, and any state.
"""
