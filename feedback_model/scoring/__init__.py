"""Scoring: documents in, rows of feedback out, as JSON lines, CSV or a page; what a model says is never stored here."""
