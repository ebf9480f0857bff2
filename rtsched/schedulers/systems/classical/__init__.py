"""The textbook's schedulers of whole systems: plain tasks on equal processors."""
