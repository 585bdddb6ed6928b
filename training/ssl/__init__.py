"""Learning from pictures without labels: what a backbone can know before the first box."""
