"""How samples are varied. A change is a function of a sample and a random generator; truth moves with the picture."""
