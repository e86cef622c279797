"""Phones and bedside monitors that were never made: clients of the public API, and nothing else.

`./run simulate` runs them for screens to move; the crash tests run the same phones against a portal
whose processes are killed. A phone keeps what it wants to send until the portal has said 202.
"""
