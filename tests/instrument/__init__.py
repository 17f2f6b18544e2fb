"""Tests of `midigen.instrument`."""
