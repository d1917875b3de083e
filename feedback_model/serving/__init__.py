"""The champion over HTTP: one model that answers in batches, behind an endpoint of ours, OpenAI's, and a page."""
