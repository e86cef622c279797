"""SDTM: the tabulation format in which trials are submitted. Reading and importing it.

Source: CDISC SDTM, SDTMIG 3.1.2 and later.
"""
