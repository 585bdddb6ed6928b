"""What happened over the last frames, from Stage A's maps (architectural guarantee 3)."""
