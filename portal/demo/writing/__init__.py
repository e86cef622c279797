"""From the generator's records to the portal's tables."""
