"""Instruments from files: the portal's own JSON, FHIR R4 Questionnaires, PRO-CTCAE item lists."""
