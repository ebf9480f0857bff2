"""Whether a policy keeps the contracts: what every policy must do, and what it claims of itself, on random systems."""
