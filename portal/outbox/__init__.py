"""The outbox: what has to happen after a change, written down in the change's own transaction."""
