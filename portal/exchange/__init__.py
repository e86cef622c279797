"""The outside formats that span trials, patients and events: one package each."""
