"""
Limits: who may come in, and how many at once. No I/O; a clock is passed in.

Deliberately not here: text. Admission looks at keys, classes and time only.
"""
