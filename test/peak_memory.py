#!/usr/bin/env python3
"""peak_memory.py OUT COMMAND...: runs a command and writes the most memory that it had resident, in KiB, to OUT."""
import resource
import subprocess
import sys

status = subprocess.run(sys.argv[2:], check=False).returncode
with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
