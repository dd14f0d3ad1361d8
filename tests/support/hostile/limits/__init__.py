"""Every limit of docs/limits.md that is a number, with how to meet it."""
