"""Asking models for feedback, once each."""
