"""
Load, faults and proofs: real processes on this machine, driven over HTTP.

``generator`` sends, ``path_bench`` compares; ``faults`` and ``l3_faults`` kill,
``history`` and ``books_check`` judge. Nothing here is imported by the gateway's path; traffic goes to the
loopback interface only, and every run ends by itself.
"""
