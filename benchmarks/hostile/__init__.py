"""What a stranger's file costs before it is refused, and what operators cost at their worst."""
