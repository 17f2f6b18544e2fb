"""Tests of `midigen.prediction`."""
