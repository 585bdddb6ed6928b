"""What is trained on: annotated photographs, rendered scenes, sound, and how they are varied."""
