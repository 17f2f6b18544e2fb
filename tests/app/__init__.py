"""Tests of `midigen.app`."""
