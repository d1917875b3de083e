"""Rare score levels made less rare, by rewriting real transcripts and relabelling them blind."""
