"""
The only room that knows the store: key names, Lua functions, connections.

Deliberately not here: what a message means. The store orders, deduplicates,
fences and keeps; it never decides.
"""
