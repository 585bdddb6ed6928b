"""Networks as files for other machines, each run and compared with the network where it can run here."""
