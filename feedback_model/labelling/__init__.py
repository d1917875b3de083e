"""Buying labels: claimed before they are asked, committed before they are read."""
