"""What benchmarks share: the machine, networks, the loops that the zoo is compared with."""
