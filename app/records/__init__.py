"""What MaxSight keeps: people, vision sessions, the alert ledger and the figures of every second."""
