"""
What a shop's own conversations say about which tiers pay: ``assess`` and ``roi``.

Deliberately not here: anything a running gateway needs. Transcripts come in as
files, figures go out as Structs and one HTML page; nothing is stored or sent.
"""
