"""Pure functions from SDTM values to the portal's: dates, numbers, units, codes.

Source: SDTMIG, CDISC Controlled Terminology, UCUM.
"""
