"""Stand-ins that run without key, GPU or network; whatever they touch says so."""
