"""MaxSight's engine: perception, alerts, conditions and scenes. No Flask, no SQL."""

__version__ = "3.0.0a1"
