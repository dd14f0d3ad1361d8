"""The generators that come with the package: made again, and held to what they learnt from."""
