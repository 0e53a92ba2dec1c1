"""
From files of any kind to passages on a shop's shelf.

    file ─ reader (a process of its own, bounded) ─> blocks ─ chunks ─> passages ─> shelf

``blocks`` is what every reader gives; ``text``, ``markdown``, ``web``, ``office`` and
``pdf`` are readers; ``chunks`` cuts passages; ``worker`` runs readers where they can
do no harm; ``shelf`` keeps what was read; ``run`` walks paths and reports.
Deliberately not here: search, and any fetching from the network.

    Refused (blocks)   a file cannot be used; the reason is for people
"""
