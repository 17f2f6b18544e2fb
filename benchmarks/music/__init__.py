"""Measurements of `midigen.music`."""
