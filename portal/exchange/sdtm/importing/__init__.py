"""Import a folder of SDTM datasets as one trial, in one transaction, every value traceable."""
