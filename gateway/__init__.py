"""
What accepts, orders, protects, hands over and shows.

Each room below has its own docstring. Deliberately not here: what to answer
(``engines``) and how to judge a turn (``router_models``).
"""
