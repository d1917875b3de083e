"""Offline labeller of the demo: features of a text, weights fitted to people's scores, explanations that quote."""
