"""Searches over proofs: margins, and many task sets at once."""
