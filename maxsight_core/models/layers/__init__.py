"""Layers that know nothing of the models that use them."""
