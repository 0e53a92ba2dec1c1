"""
The wire: Litestar controllers, request and reply structs, the problem table.

Status codes live in one table here. Deliberately not here: decisions.
"""
