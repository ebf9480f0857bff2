"""Proof and simulation side by side: each checks the other, and a miss that is found refutes for good."""
