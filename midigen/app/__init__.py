"""The `midigen` command: its commands, what they print and draw, and their exit codes.

Each command combines the other packages, and imports them only when it runs. This package may
import all the others; none of them imports it.
"""
