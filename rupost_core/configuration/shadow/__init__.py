"""The shadow start: the staged generation runs whole beside the live one, in namespaces of its own, and is asked.

    wall.py      what a deployment sees: a wall that gives problems
    plan.py      what is to be done, out of the rendered files (with endpoints.py); model.py holds its values
    outside.py   the unit's main process, in the live network: relays to the outside services; starts …
    inside.py    … process 1 of the shadow: file systems (root.py), daemons (daemons.py), logs (logs.py), probes
    explain.py   what a daemon's last words say, and where in the staged files it is

Whatever happens, it ends: process 1 ends all processes of its namespace, the last process ends the namespaces, and
with them go the mounts, the network and the files, which lie in memory.
"""
