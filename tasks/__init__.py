"""Prefect tasks: each opens a resource, makes one call into the domain, stores a small reference and logs one line."""
