"""What happens to an upload after it was stored: steps, each a small part, run chunk by chunk.

decode and check → clean and convert → answers and readings as rows → scores → risk rules → alerts.
A chunk is up to a hundred uploads of any patients; it takes the same number of statements whatever
its size, under one advisory lock for each patient, and is written in one transaction with its
receipt. What comes out depends on the uploads, not on the order in which they came.
"""

# Stored with what the pipeline did; a change of what it makes of an upload is a new version.
PIPELINE_VERSION = "1.0"
# Why the pipeline wrote a row, in its history.
REASON = f"pipeline {PIPELINE_VERSION}"
