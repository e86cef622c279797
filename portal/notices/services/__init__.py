"""Telling, acknowledging, escalating."""
