"""Tickets, and what an administrator sees and ends."""
