"""What is simulated: systems, platforms and their lowered form; frozen, and without behaviour in time."""
