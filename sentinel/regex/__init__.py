"""Regular expressions that run in time linear in the text."""
