"""The command `zoo`: click at the door, everything heavy behind it."""
