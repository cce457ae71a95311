"""What runs: the notification dispatcher, remediation, and the snooze offered after a resolve."""
