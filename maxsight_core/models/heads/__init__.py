"""One file per Tier 1 head, or per group of heads that share a tower."""
