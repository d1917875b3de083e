"""Whether the best epoch becomes champion: fixed rules, the evidence each finds, and the verdict.

Why the rules are as they are: docs/decisions/0006-promotion-by-evidence.md.
"""
