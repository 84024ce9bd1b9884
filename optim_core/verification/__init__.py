"""Each rule against an independent reference, and the file that says so."""
