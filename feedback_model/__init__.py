"""The domain: what feedback is, and how a small model learns to give it."""
