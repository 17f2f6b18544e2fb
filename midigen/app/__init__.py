"""The `midigen` command: its commands, what they print and draw, and their exit codes.

Each command puts together what the other packages offer, and imports it only when it runs. This
package may import all the others; none of them imports it.
"""
