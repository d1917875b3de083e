"""Formats that recordings come in: one small reader each, which knows nothing of files, encodings or the database."""
