"""How fast Footnote is beside what is physically needed: every time with a floor taken in turns with it, in the same process.

python -m tests.benchmarks.speed OUT                           everything; OUT gets speed.json and speed.svg
python -m tests.benchmarks.speed OUT --step doors              one step: doors, build, search, answer, phrased, memory
python -m tests.benchmarks.speed OUT --passages 100 10000      sizes to search (default: 100, 10 000 and 1 000 000)

A machine is never quiet, so a ratio is the median of pairs that are neighbours in time, and no time is asserted anywhere.
On a shared one, --processor with RAG_THREADS=1 OMP_NUM_THREADS=1 measures what a quiet one would take with one thread.
Searching 1 000 000 passages takes 10 GB of memory and some minutes to set up.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from rich.console import Console
from rich.table import Table

from rag.evaluation.summary import versions
from tests.benchmarks import speed_steps
from tests.benchmarks.speed_steps import STEPS, THREADS, dump

COLOURS = ("#2b5f9e", "#a8a296")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path, help="folder for speed.json and speed.svg")
    parser.add_argument("--step", choices=tuple(STEPS), action="append", help="one step only; may be repeated")
    parser.add_argument("--repeats", type=int, default=5, help="of every cold start and index build")
    parser.add_argument("--passages", type=int, nargs="+", default=[100, 10_000, 1_000_000], help="sizes to search")
    parser.add_argument("--build-passages", type=int, default=100, help="passages of the index that is built")
    parser.add_argument("--questions", type=int, default=20, help="questions to search each size with")
    parser.add_argument("--phrased", type=int, default=20, help="questions to answer in the bundled model's words")
    parser.add_argument("--processor", action="store_true", help="measure the processor's time where the machine is not quiet")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    if options.here:
        speed_steps.clock = time.process_time if options.processor else time.perf_counter
        print(dump(STEPS[options.step[-1]](options)))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for step in options.step or STEPS:  # each in a process of its own: models and memory are not shared
        command = [sys.executable, "-m", "tests.benchmarks.speed", *given, "--here", "--step", step]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += [{"step": step, **row} for row in json.loads(found.splitlines()[-1])]
        print(f"{step} measured", file=sys.stderr, flush=True)
    about = {
        "versions": versions(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": THREADS,
        "clock": "processor" if options.processor else "wall",
    }
    (options.out / "speed.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    (options.out / "speed.svg").write_text(chart(rows), encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 170).print(table(rows))
    return 0


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    found = Table("what", "median", "95 %", "floor", "its median", "ratio", "n", "", title=f"{THREADS} threads", title_justify="left")
    for row in rows:
        scale, unit = (1, row["unit"]) if row["unit"] != "s" or np.median(row["ours"]) >= 1 else (1000, "ms")
        p50, p95 = (f"{np.quantile(row['ours'], q) * scale:,.1f} {unit}" for q in (0.5, 0.95))
        floor = f"{np.median(row['floor']) * scale:,.1f} {unit}" if row["floor"] else ""
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else ""
        notes = ", ".join(f"{name} {value:,.0f}" for name, value in row["notes"].items())
        found.add_row(row["name"], p50, p95, row["floor_name"], floor, ratio, str(len(row["ours"])), notes)
    return found


def chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return an SVG picture of the rows with a floor: ours and the floor's as bars of one scale a row, and the ratio."""
    drawn = [row for row in rows if row["ratio"] is not None]
    parts = []
    for i, row in enumerate(drawn):
        y, values = 10 + 46 * i, (float(np.median(row["ours"])), float(np.median(row["floor"])))
        parts.append(f'<text x="10" y="{y + 14}">{escape(row["name"].strip())}</text>')
        parts.append(f'<text x="10" y="{y + 30}" class="soft">{escape(row["floor_name"])}</text>')
        for j, value in enumerate(values):
            width = 300 * value / max(values)
            parts.append(f'<rect x="390" y="{y + 4 + 15 * j}" width="{width:.1f}" height="12" fill="{COLOURS[j]}"/>')
            text = f"{value:,.2f} s" if value >= 1 else f"{1000 * value:,.1f} ms"
            parts.append(f'<text x="{396 + width:.1f}" y="{y + 14 + 15 * j}" class="soft">{text}</text>')
        parts.append(f'<text x="840" y="{y + 22}" class="ratio">× {row["ratio"]:.2f}</text>')
    style = "text{font:13px sans-serif;fill:#1d2330}.soft{fill:#5c6472;font-size:12px}.ratio{font-weight:700;text-anchor:end}"
    height = 20 + 46 * len(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" width="860" height="{height}">'
        f'<style>{style}</style><rect width="860" height="{height}" fill="#fffefb"/>{"".join(parts)}</svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
