"""Tests of `midigen.midi`."""
