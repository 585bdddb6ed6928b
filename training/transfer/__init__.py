"""From one trained network to another: weights that move up a tier, what must not be forgotten, and teachers."""
