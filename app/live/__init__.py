"""The live socket: frames in, results and alerts out, and the writer that keeps the ledger."""
