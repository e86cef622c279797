"""The live side: one socket a browser, many topics, and nothing that is not stored elsewhere."""
