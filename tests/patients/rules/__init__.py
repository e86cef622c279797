"""Tests of the pure measurement rules."""
