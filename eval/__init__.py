"""Judgement: metrics, subsets, intervals, gate and report. No torch, no network, no Prefect."""
