"""A system and a policy in the models of theorems."""
