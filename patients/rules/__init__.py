"""Pure rules of measurements: units, instruments, scores, NEWS2, windows, derived states.

Nothing here reads the clock, the database or the settings: facts in, decisions out.
"""
