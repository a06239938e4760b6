"""From the start of a process to a finished picture on disk: first starts and second ones."""

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from peers import machine, rounds


@dataclass
class Start:
    """Seconds of first starts (no cache of compiled models) and of second ones; peak memory."""

    first: list = field(default_factory=list)
    second: list = field(default_factory=list)
    first_cpu: list = field(default_factory=list)
    second_cpu: list = field(default_factory=list)
    peak_mb: float = 0.0
    others: float = 0.0


def timed_process(command, environment):
    """(seconds, CPU seconds, peak MB, CPUs others used) of a process; Refused if it fails."""
    others = machine.Others(machine.children_seconds)
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            last = (log.read().strip().splitlines() or [""])[-1]
            raise rounds.Refused(f"exit {process.returncode}: {last}")
    cpu = usage.ru_utime + usage.ru_stime
    return seconds, cpu, usage.ru_maxrss * 1024 / 1e6, others.cpus()


def start_twice(command, start):
    """`command` is a function of the picture's path and the cache folder."""
    with tempfile.TemporaryDirectory(prefix="bench_peers_") as folder:
        cache, picture = Path(folder) / "cache", Path(folder) / "picture.png"
        cache.mkdir()
        # edgefusion would find its packed weights beside the model, from earlier runs.
        caches = {"XDG_CACHE_HOME": str(cache), "EDGEFUSION_CACHE": str(cache)}
        environment = {**rounds.python_environment(), **caches}
        kinds = (start.first, start.first_cpu), (start.second, start.second_cpu)
        for times, cpu_times in kinds:
            parts = [str(part) for part in command(picture, cache)]
            seconds, cpu, peak, others = timed_process(parts, environment)
            if not picture.exists():
                raise rounds.Refused("wrote no picture")
            picture.unlink()
            times.append(seconds)
            cpu_times.append(cpu)
            start.peak_mb = max(start.peak_mb, peak)
            start.others = max(start.others, others)


def measure(commands, repeat, patience, say):
    """{side: Start}, the sides in turn. One unmeasured start each puts the files into memory."""
    starts = {side: Start() for side in commands}
    for number in range(repeat + 1):
        for side in list(starts):
            machine.wait_until_quiet(patience)
            try:
                start_twice(commands[side], starts[side] if number else Start())
            except rounds.Refused as reason:
                say(f"{side}: left out of the starts: {reason}")
                del starts[side]
    return starts


def summary(start):
    return {
        "first_s": min(start.first),
        "first_median_s": statistics.median(start.first),
        "second_s": min(start.second),
        "first_cpu_s": min(start.first_cpu),
        "second_cpu_s": min(start.second_cpu),
        "peak_mb": start.peak_mb,
        "others": start.others,
    }
