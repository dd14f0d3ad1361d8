"""What a run goes on from: its checkpoints, and what they hold."""
