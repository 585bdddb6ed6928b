"""Supervised start of the backbone: naming things that are cut out, before the network has to find them."""
