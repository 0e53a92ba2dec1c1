"""
A small real shop: its own process, its own SQLite database, HTTP in front.

``service`` answers the port's calls over HTTP, ``books`` keeps the database
and makes effects idempotent, ``records`` reads it, ``effects`` changes it, and
``seed`` fills it. Deliberately not here: anything of the gateway or the
engines; the shop checks what is asked of it by its own rules and trusts nobody.
"""
