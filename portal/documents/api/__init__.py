"""Asking for reports, and following them."""
