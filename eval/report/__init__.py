"""The report: one HTML file about one evaluation, and the same table for terminals and artifacts."""

from eval.report.write import write_report

__all__ = ["write_report"]
