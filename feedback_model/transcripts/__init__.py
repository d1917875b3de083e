"""From files to clean transcripts, and from labelled transcripts to dataset versions."""
