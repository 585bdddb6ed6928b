"""Several tasks on one trunk: which losses belong together, how they are balanced, when each begins to count."""
