"""Tests of `midigen.learning`."""
