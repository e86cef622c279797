"""Tests of instruments from files."""
