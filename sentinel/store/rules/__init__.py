"""Rules in SQL: their switch, lock, condition state and remediation."""
