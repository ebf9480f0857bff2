"""Band's schedulers."""
