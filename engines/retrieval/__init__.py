"""
L2: answers from the shop's knowledge, always with a citation.

``documents`` loads passages, ``index`` searches them, ``compose`` turns what
was found into an answer, ``engine`` ties them together. It may read orders,
parcels and stock through the shop port; it never changes anything.
"""
