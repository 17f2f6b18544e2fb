"""The commands of `midigen`, a module each. `cli` imports only the one that was typed.

Each has an `EXAMPLE` of how it is typed, `add_options`, which adds its options to a parser, and
`run`, which carries it out and returns the exit code. What takes long to import, a module imports
in the function that needs it: then `--help` stays quick.
"""
