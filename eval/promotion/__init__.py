"""Promotion gate: fixed rules, the evidence that each finds, and the verdict on the best epoch.

The reasons for the rules: docs/decisions/0006-promotion-by-evidence.md.
"""
