"""The supervised loop: configuration, schedule, averaging, checkpoints, and the trainer that puts them together."""
