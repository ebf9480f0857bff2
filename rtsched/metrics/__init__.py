"""What a run amounts to: pure functions of a trace."""
