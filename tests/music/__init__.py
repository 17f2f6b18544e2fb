"""Tests of `midigen.music`."""
