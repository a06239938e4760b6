"""The measurements as a page of tables."""

import math

from peers import machine
from peers.case import STEPS, WHOLE
from peers.sides import SIDES, version

NAMES = {
    "text_encoder": "CLIP ViT-L/14 text encoder",
    "unet": "BK-SDM-Tiny U-Net, one pass",
    "taesd": "TAESD decoder",
    "vae": "SD VAE decoder",
    WHOLE: f"text, {STEPS} passes, TAESD",
}


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def clocked(result, clock):
    """(text, least time) of a result by the chosen clock."""
    if clock == "cpu":
        return number(result.cpu_ms), result.cpu_ms
    return f"{number(result.min_ms)} / {number(result.median_ms)}", result.min_ms


def time_table(results, ours, sides, clock):
    """`results` is {case: {side: Result}}; ratios are least time to least time."""
    head = ["work", "px", "threads", f"{ours} ms"]
    for side in sides:
        head += [f"{side} ms", "ratio"]
    rows = []
    for case, found in results.items():
        if ours not in found or case.batch != 1:
            continue
        text, least = clocked(found[ours], clock)
        row = [NAMES[case.network], case.size, case.threads, text]
        for side in sides:
            if side not in found:
                row += ["", ""]
                continue
            text, theirs = clocked(found[side], clock)
            row += [text, f"**{least / theirs:.2f}**"]
        rows.append(row)
    return table(head, rows)


def memory_table(results, players):
    head = ["peak MB", "px", *players]
    rows, threads = [], max((case.threads for case in results), default=0)
    for case, found in results.items():
        if case.threads == threads and case.batch == 1 and case.network != WHOLE:
            cells = [number(found[p].peak_mb) if p in found else "" for p in players]
            rows.append([NAMES[case.network], case.size, *cells])
    return table(head, rows) if rows else ""


def scaling_rows(results, players, clock, same, amount):
    """Rows of time per picture or pixel: pairs of cases that differ in one amount only."""
    rows = []
    for case, found in results.items():
        first = next((c for c in results if same(c, case)), None)
        if first is None or first is case:
            continue
        cells = []
        for player in players:
            if player not in found or player not in results[first]:
                cells.append("")
                continue
            grown = clocked(found[player], clock)[1] / clocked(results[first][player], clock)[1]
            cells.append(f"{grown:.2f}")
        rows.append([NAMES[case.network], case.threads, *amount(first, case), *cells])
    return rows


def pixels_table(results, players, clock):
    """How much longer larger pictures take, beside how many more pixels they have."""

    def same(a, b):
        return (a.network, a.threads, a.batch) == (b.network, b.threads, b.batch) and b.batch == 1

    def amount(first, case):
        return f"{first.size} to {case.size}", f"{(case.size / first.size) ** 2:.2f}"

    rows = scaling_rows(results, players, clock, same, amount)
    return table(["work", "threads", "px", "times pixels", *players], rows) if rows else ""


def batch_table(results, players, clock):
    """How much longer several pictures at once take than one."""

    def same(a, b):
        return (a.network, a.size, a.threads) == (b.network, b.size, b.threads) and b.batch > 1

    def amount(first, case):
        return case.size, f"{case.batch / first.batch:.0f}"

    rows = scaling_rows(results, players, clock, same, amount)
    return table(["work", "threads", "px", "pictures", *players], rows) if rows else ""


def threads_table(results, players):
    """How much faster more threads are than one."""
    rows = []
    for case, found in results.items():
        one = next((c for c in results if c.threads == 1 and c.network == case.network
                    and c.size == case.size and c.batch == case.batch), None)
        if one is None or case.threads == 1:
            continue
        cells = []
        for player in players:
            known = player in found and player in results[one]
            cells.append(f"{results[one][player].min_ms / found[player].min_ms:.2f}" if known else "")
        rows.append([NAMES[case.network], case.size, case.threads, *cells])
    return table(["work", "px", "threads", *players], rows) if rows else ""


def layers_table(layers):
    head = ["layer", "openvino ms", "edgefusion ms", "ratio", "GMAC/s", "of peak", "kernel"]
    rows = []
    for name, found in layers.items():
        row = [name, f"{found['peer_ms']:.2f}"]
        if "ours_ms" in found:
            speed = found["gmac"] / found["ours_ms"] * 1e3
            row += [f"{found['ours_ms']:.2f}", f"**{found['ours_ms'] / found['peer_ms']:.2f}**"]
            row += [f"{speed:.0f}", f"{100 * speed / found['peak']:.0f} %", found["row"]]
        rows.append(row + [""] * (len(head) - len(row)))
    return table(head, rows)


def starts_table(starts):
    head = ["side", "first start s (min / median)", "CPU s", "second start s", "CPU s", "peak MB"]
    rows = [
        [side, f"{s['first_s']:.2f} / {s['first_median_s']:.2f}", f"{s['first_cpu_s']:.2f}",
         f"{s['second_s']:.2f}", f"{s['second_cpu_s']:.2f}", number(s["peak_mb"])]
        for side, s in starts.items()
    ]
    return table(head, rows)


def agreement_table(errors, players):
    rows = [
        [NAMES[network], *(f"{found[p]:.1e}" if p in found else "" for p in players)]
        for network, found in errors.items()
    ]
    return table(["network", *players], rows)


def precision_note(results, side):
    """What the side itself says it computed in, over all its cases."""
    counts = {}
    for found in results.values():
        if side in found:
            for kind, layers in found[side].facts.get("precisions", {}).items():
                counts[kind] = counts.get(kind, 0) + layers
    if not counts:
        return "not told"
    total = sum(counts.values())
    parts = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{kind} {100 * layers / total:.0f} %" for kind, layers in parts)


def sides_table(results, ours, sides):
    facts = next((r[o].facts for r in results.values() for o in ours if o in r), {})
    rows = [[o, "", f"as asked by --precision; isa {facts.get('isa', '')}"] for o in ours]
    for side in sides:
        packages = " ".join(f"{name} {version(name)}" for name in SIDES[side].packages)
        rows.append([side, packages, precision_note(results, side)])
    return table(["side", "versions", "matrix layers in force"], rows)


def others_note(results, starts):
    """A warning where other processes used the machine during the measurements."""
    others = [r.others for found in results.values() for r in found.values()]
    others += [start["others"] for start in starts.values()]
    most = max(others, default=0.0)
    if math.isnan(most) or most <= machine.BUSY_SHARE * machine.cpus():
        return ""
    return (
        f"**Times by the clock on the wall are not to be quoted**: others kept up to {most:.1f} of "
        f"{machine.cpus()} CPUs busy.\n"
    )
