"""Measurements of speed: ratios and differences taken in one run, never asserted in a test."""
