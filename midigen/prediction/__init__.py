"""What comes next: window, memory and echoes of what was played, the model, and a draw from them.

Letters go in, probabilities and letters come out. It does no I/O but to read its model files, and
imports `music` and what is left of it.
"""
