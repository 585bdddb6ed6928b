"""Training of MaxSight's networks on GPU hosts, and on a laptop's CPU for a proof of life. See docs/training.md."""
