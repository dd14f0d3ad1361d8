"""What probes and reports cost."""
