"""Bringing CNN, transformer, audio and tasks together."""
