"""How good a network is, on pictures it has not seen."""
