"""What the tests of the play page share."""
