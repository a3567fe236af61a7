"""One file a format: what its header may say, and how large the disk inside is."""
