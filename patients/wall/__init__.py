"""What a live wall shows of patients: current readings, NEWS2, alerts; or only how data flow."""
