"""pytest plugin: property tests say the same on every machine: seeded, and with no limit of time.

Hypothesis does so by itself where it recognizes continuous integration; a loaded laptop is no other
place. It is loaded with `-p tests.plugins.properties`, before test modules read the settings.
"""

from hypothesis import settings

settings.load_profile("ci")
