"""Every setting and control: what kinds of values they take, their tables, and the file.

A setting is described once, and the configuration, the help and all checks follow from it. It
makes no objects of other packages, and imports `music` and whatever that may import.
"""
