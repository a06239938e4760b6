"""Who runs when: the sides of a case are loaded once and take turns, A B A B, over several rounds."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from peers import machine
from peers.case import WHOLE

SCRIPTS = Path(__file__).resolve().parent.parent


class Refused(Exception):
    """A side cannot do a case; the message says why in a few words."""


@dataclass
class Turn:
    """Milliseconds of each network over the runs of one turn, and CPUs that others used."""

    low: dict
    middle: dict
    cpu: dict
    others: float


@dataclass
class Result:
    """Of one side in one case. Times are of the whole case: networks times how often each runs."""

    min_ms: float
    median_ms: float
    cpu_ms: float | None
    load_ms: float
    peak_mb: float
    others: float
    facts: dict = field(default_factory=dict)


def python_environment():
    return {**os.environ, "PYTHONPATH": str(SCRIPTS)}


def worker_command(side, case, work, *more):
    command = [sys.executable, "-m", "peers.worker", side, case.network, "--work", work]
    command += ["--size", case.size, "--threads", case.threads, "--batch", case.batch, *more]
    return [str(part) for part in command]


class Peer:
    """One side of a case: a worker process, warm between its turns."""

    def __init__(self, side, case, work):
        self.log = open(work / f"{side}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            worker_command(side, case, work),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=python_environment(),
            text=True,
        )
        try:
            ready = self._answer()
        except Refused:
            self.close()
            raise
        self.load_ms, self.peak_mb = ready["load_ms"], 0.0
        self.facts = {"precisions": ready["precisions"]}

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"ended with exit code {self.process.wait()}; see {self.log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def turn(self, repeat):
        others = machine.Others(lambda: machine.process_seconds(self.process.pid))
        found = self.order(run=repeat)
        return Turn(
            low={name: min(times) for name, times in found["times_ms"].items()},
            middle={name: statistics.median(t) for name, t in found["times_ms"].items()},
            cpu={name: min(times) for name, times in found["cpu_ms"].items()},
            others=others.cpus(),
        )

    def close(self):
        self.process.stdin.close()
        last = self.process.stdout.readline()
        self.peak_mb = json.loads(last).get("peak_rss_mb", 0.0) if last else 0.0
        self.process.wait()
        self.log.close()


def merged(turns, player, case):
    """The least time of all turns and the median of their medians, summed over the networks."""
    low = middle = cpu = 0.0
    for name in turns[0].low:
        # A side that runs whole pictures only reports them under that name.
        runs = 1 if name == WHOLE else case.runs(name)
        low += runs * min(turn.low[name] for turn in turns)
        middle += runs * statistics.median(turn.middle[name] for turn in turns)
        cpu += runs * min(turn.cpu.get(name, float("nan")) for turn in turns)
    others = statistics.median(turn.others for turn in turns)
    known_cpu = cpu if cpu == cpu else None
    return Result(low, middle, known_cpu, player.load_ms, player.peak_mb, others, player.facts)


def alternate(case, makers, rounds, repeat, patience, say):
    """{side: Result}. `makers` is {side: function that loads it}; who refuses is left out, said."""
    players, turns = {}, {}
    try:
        for side, make in makers.items():
            try:
                players[side] = make()
                turns[side] = []
            except Refused as reason:
                say(f"{side}: left out of {case}: {reason}")
        for _ in range(rounds):
            for side, player in list(players.items()):
                machine.wait_until_quiet(patience)
                try:
                    turns[side].append(player.turn(repeat))
                except Refused as reason:
                    say(f"{side}: left out of {case}: {reason}")
                    players.pop(side).close()
    finally:
        for player in players.values():
            player.close()
    return {side: merged(turns[side], player, case) for side, player in players.items()}
