"""Forgetting: a person's or a recording's texts, and what was made of them, leave every place where the service keeps them."""
