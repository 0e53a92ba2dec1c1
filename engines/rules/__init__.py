"""
L1: a rule pack, compiled once, that answers common questions at once.

``pack`` loads and validates, ``matcher`` finds the intent, ``dialogs`` fills
slots over several turns, ``engine`` answers. Deliberately not here: anything
that reads or changes a business system, and any guess: a miss is explicit.
"""
