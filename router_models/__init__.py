"""
What decides: complexity, risk and tier of a turn. Pure: no I/O per decision.

Training (scikit-learn) and serving (flat arrays) are apart: ``train`` is
imported by nobody but the command line. Deliberately not here: answers,
admission classes (server facts, not text), and pickle in any form.
"""
