"""Traces and figures as files and text."""
