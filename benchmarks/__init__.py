"""Measurements. They compare states within one run, and no test asserts their figures."""
