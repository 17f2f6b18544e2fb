"""The `midigen` command: its commands, what they print and draw, and their exit codes.

Each command wires together what the other packages have, and imports it when it runs. It may
import everything, and nothing imports it.
"""
