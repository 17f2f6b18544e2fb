"""Every setting and every control: their kinds, the table of them, and the file they stand in.

A setting is described in one place, from which configuration, help and checks are derived. It
builds nothing of other packages, and imports `music` and what is left of it.
"""
