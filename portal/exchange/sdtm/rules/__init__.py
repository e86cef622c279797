"""Finding rules of an SDTM import: pure, no Django, no clock."""
