"""The parts that ship with the zoo; each module stands alone, as a third-party plugin would."""
