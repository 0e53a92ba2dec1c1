"""
How many people a forecast needs: arithmetic, and a simulation of the real queue.

Deliberately not here: the queue itself. The simulation drives
:mod:`gateway.handoff.moves`, ``matching`` and ``eta`` on virtual time.
"""
