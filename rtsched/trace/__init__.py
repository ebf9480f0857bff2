"""What happened in a run, and what must hold in every one."""
