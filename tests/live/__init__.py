"""Tests of `midigen.live`."""
