"""
Load, faults and proofs: real processes on this machine, driven over HTTP.

``generator`` sends, ``path_bench`` compares, ``faults`` kills, ``history``
judges. Nothing here is imported by the gateway's path; traffic goes to the
loopback interface only, and every run ends by itself.
"""
