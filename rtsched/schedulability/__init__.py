"""Proofs: one function per theorem, over models in integers. Never imports the engine: each is the other's oracle."""
