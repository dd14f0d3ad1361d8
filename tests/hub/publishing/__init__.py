"""What `zoo push` publishes besides one generator: those of the package, and play pages."""
