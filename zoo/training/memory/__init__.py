"""How much memory a training takes, told from a few images before it begins, and how much is free."""
