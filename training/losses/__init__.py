"""What is minimised: one file per loss, pure functions of tensors, and the assignment of boxes to locations."""
