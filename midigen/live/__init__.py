"""The instrument on stage: ports, threads, recording, OSC and the control channel.

The worker passes messages from the ports to the performer, and the performer's outputs to the
ports. This package makes no musical decisions: even a MIDI clock is followed in `instrument`. It
may import `instrument`, `settings`, `prediction`, `music` and `midi`.
"""

import logging

logging.getLogger("midigen").addHandler(logging.NullHandler())  # silent by default
