"""Housekeeping: what nothing needs any more is listed, and deleted where that is wanted; what a champion stands on never is."""
