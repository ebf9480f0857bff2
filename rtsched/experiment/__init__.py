"""Policies side by side on the same worlds."""
