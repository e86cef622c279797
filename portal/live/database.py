"""The database from asynchronous code: in a thread that gives its connection back afterwards."""

from channels.db import database_sync_to_async

in_database = database_sync_to_async
