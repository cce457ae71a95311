"""Rules: what is checked, when a reading is bad, how bad, and who is notified. Pure."""
