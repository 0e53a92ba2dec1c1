"""
L2: answers from the shop's knowledge, always with a citation.

``documents`` loads passages, ``terms`` turns text into what can be searched,
``index`` searches, ``questions`` reads what a turn asks (parts, references to
earlier turns, kind of each part), ``reads`` looks up orders, parcels, stock,
prices and freight through the shop port, ``compose`` picks the sentences that
answer, ``engine`` ties them together. Deliberately not here: any change of a
business system, anything that leaves without a source, text of our own making
beside a few fixed phrases.
"""
