"""Heads: one file each. Stage A's six safety heads, and the context heads of Stage B by tier."""
