"""The commands of `midigen`, a module each. `cli` imports only the one that was typed.

Each has `add_options`, which adds its options to a parser if it has any, and `run`, which carries
it out, and returns an exit code if that isn't always 0; `service` has commands of its own instead.
A module imports slow packages in the functions that need them, so that `--help` stays quick.
"""
