"""Notices: what a person must know, told until that person says "I have it"."""
