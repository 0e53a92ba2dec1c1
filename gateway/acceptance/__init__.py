"""
Acceptance suites: conversations judged by what they leave behind in the shop.

``suite`` reads the format, ``fixture`` makes a whole shop of what a suite names,
``running`` plays cases against a fresh gateway and a fresh demo shop,
``judging`` compares, ``report`` writes. Deliberately not here: any look inside
an engine; everything is seen through the customer API, the shop and the ledger.
"""
