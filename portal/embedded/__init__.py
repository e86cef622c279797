"""The PostgreSQL and Valkey that ./run starts when none is configured, and the supervisor.

Nothing in here imports Django: the supervisor stays small and starts at once. The embedded
servers are for evaluation and tests; a production portal is given DATABASE_URL and REDIS_URL.
"""
