"""Report on an evaluation: one HTML page, and the same results for terminals, artifacts and model cards."""
