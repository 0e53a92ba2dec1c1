"""
The business-system port: what a shop can be asked and told, and who speaks it.

``port`` is the contract; ``http`` speaks it to a service that knows it, ``mapped`` to
one that does not, by ``mapping`` and ``shapes``: over ``openapi`` or ``mcp_tools``;
``demo`` is a small real shop service for demos and tests. Deliberately not here:
policy (what may be done) and the ledger (what was done).
"""
