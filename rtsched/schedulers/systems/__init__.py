"""Policies that decide everything jointly."""
