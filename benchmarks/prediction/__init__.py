"""Measurements of `midigen.prediction`."""
