"""Runs on a node: starts Python and rupost in turn and prints the medians of their whole wall times."""

import json
import statistics
import subprocess
import time

RUNS = 25
COMMANDS = {
    "python3 -c pass": ["/usr/bin/python3", "-c", "pass"],
    "rupost --help": ["/usr/bin/rupost", "--help"],
    "rupost mailbox list": ["/usr/bin/rupost", "mailbox", "list"],
}

times = {name: [] for name in COMMANDS}
for _run in range(RUNS):
    for name, command in COMMANDS.items():
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        times[name].append(time.perf_counter() - started)
print(json.dumps({name: statistics.median(values) for name, values in times.items()}))
