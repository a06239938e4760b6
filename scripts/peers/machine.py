"""What the machine is, and how much of it others use meanwhile."""

import os
import time
from pathlib import Path

QUIET_SHARE = 0.1  # of the CPUs in use by others: as good as idle
BUSY_SHARE = 0.25  # times then say little
_TICKS = os.sysconf("SC_CLK_TCK")


def cpus():
    return len(os.sched_getaffinity(0))


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return os.uname().machine


def busy_seconds():
    """CPU seconds that all processes have used since the start of the machine."""
    fields = [int(v) for v in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / _TICKS  # less idle and waiting for a disk


def process_seconds(pid):
    """CPU seconds of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def children_seconds():
    """CPU seconds of the children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


class Others:
    """CPUs in use by other processes while a measurement runs; `own` tells its CPU seconds."""

    def __init__(self, own):
        self.own = own
        self.start = time.monotonic(), busy_seconds(), own()

    def cpus(self):
        elapsed = time.monotonic() - self.start[0]
        used = (busy_seconds() - self.start[1]) - (self.own() - self.start[2])
        return max(0.0, used / elapsed)


def wait_until_quiet(patience):
    """Returns when others have used little for a second, or after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        others = Others(lambda: 0.0)
        time.sleep(1)
        if others.cpus() <= QUIET_SHARE * cpus():
            return
