"""Read a folder of SDTM datasets (SAS XPT v5 and v8, Dataset-JSON 1.1) without changing a value.

Source: SAS TS-140 (XPT), CDISC Dataset-JSON 1.1, CDISC Define-XML 1.0 to 2.1.
"""
