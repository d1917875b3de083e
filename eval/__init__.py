"""Evaluation: metrics, intervals, comparisons, the promotion gate and the report. No torch, no network, no Prefect."""
