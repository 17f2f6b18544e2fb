"""Tests of `midigen.settings`."""
