"""A dataset made in shards by many processes or machines, into one run folder, then gathered."""
