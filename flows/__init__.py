"""Prefect flows: the story of each job, without its logic."""
