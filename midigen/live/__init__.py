"""The instrument on stage: ports, threads, recording, and what talks to it from outside.

The worker carries what ports receive to the performer, and what the performer plays back to the
ports. This package decides nothing musical, and imports `instrument` and what is left of it.
"""

import logging

logging.getLogger("midigen").addHandler(logging.NullHandler())  # silent unless it is asked for
