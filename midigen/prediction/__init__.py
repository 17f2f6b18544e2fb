"""What comes next: the window, memory and echoes of what was played, the model, and sampling.

Letters go in; probabilities and letters come out. The only I/O is reading model files, and it
imports `music` and whatever that may import.
"""
