#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the results of `tarn bench --json` into the pages that show them: tables between marks, and plots by gnuplot.

usage: scripts/performance.py [--check] [RESULTS.json [PAGE.md]]

RESULTS.json is docs/performance/results.json, PAGE.md docs/performance.md (and README.md) unless given. What stands in a page
between <!-- results: NAME ARGUMENT --> and <!-- end of results --> is replaced; see BLOCKS for the names. The plots go to
the folder of RESULTS.json. With --check nothing is written, and the exit status is 1 when a page does not show the results.
"""
import fnmatch
import json
import math
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- results: ([\w-]+)(?: ([^\n]*?))? -->\n).*?(<!-- end of results -->)", re.S)
FIELDS = ["case", "peer", "size", "ns_min", "ns_median", "ratio_to_floor", "ratio_to_best_peer"]  # stay when null
PEERS = ["malloc", "jemalloc", "mimalloc", "tcmalloc", "tbb"]
COLOURS = {"tarn": "#c0392b", "tarn memory": "#e8836f", "floor": "#7f8c8d", "malloc": "#2c3e50", "jemalloc": "#2980b9",
           "mimalloc": "#27ae60", "tcmalloc": "#8e44ad", "tbb": "#f39c12"}


class Results:
    """The rows of one run, by case, size and peer."""

    def __init__(self, text):
        self.all = json.loads(text)
        self.rows = self.all["results"]
        self.run = self.all["run"]
        self.lines = {}  # (case, size) -> peer -> row, in the order of the run
        for row in self.rows:
            self.lines.setdefault((row["case"], row["size"]), {})[row["peer"]] = row

    def lines_of(self, cases):
        """The lines of cases, or of those that match a pattern such as "traces/*/one"."""
        for pattern in cases:
            found = False
            for (case, size), line in self.lines.items():
                if fnmatch.fnmatchcase(case, pattern):
                    found = True
                    yield case, size, line
            if not found:
                print(f"performance.py: no results of {pattern}", file=sys.stderr)

    def median(self, case, size, peer):
        row = self.lines.get((case, size), {}).get(peer)
        return row["ns_median"] if row else None


def best_peer(line):
    """The fastest peer of a line: the one whose ratio to the best is 1."""
    for peer, row in line.items():
        if row.get("ratio_to_best_peer") == 1 and peer not in ("tarn", "floor"):
            return peer
    return None


def number(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def size_text(size):
    if size is None:
        return "-"
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} B"


def cell(row):
    if not row or row["ns_median"] is None:
        return "-"
    return ("~" if row["unsteady"] else "") + number(row["ns_median"])


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "| --- |" + " ---: |" * (len(titles) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def is_count(case):
    """Whether a case's size is a number of things, not of bytes."""
    return case == "bytebuf/composite"


def machine_block(results, _):
    names = {"processor": "Processor", "kernel": "Kernel", "compiler": "Compiler", "build": "Build", "rounds": "Rounds",
             "sample_us": "Microseconds a sample"}
    rows = [[names.get(name, name), text] for name, text in results.run.items() if name != "unsteady"]
    return table(["", "tarn " + results.all["tarn"]], rows).replace("---: |", "--- |")


def cases_block(results, argument):
    """Medians of everyone, a line a case and size; tarn's least sample too."""
    lines = list(results.lines_of(argument.split()))
    peers = []
    for _, _, line in lines:
        peers += [peer for peer in line if peer not in peers and peer != "tarn"]
    cases = {case for case, _, _ in lines}
    rows = []
    for case, size, line in lines:
        tarn = line.get("tarn")
        if not tarn:
            continue
        name = case if size is None else (f"{size}" if is_count(case) else size_text(size))
        if len(cases) > 1 and size is not None:
            name = f"{case} {name}"
        rows.append([name, number(tarn["ns_min"]), f"**{cell(tarn)}**", *(cell(line.get(peer)) for peer in peers),
                     number(tarn["ratio_to_best_peer"]), number(tarn["ratio_to_floor"])])
    return table(["", "tarn, least", "tarn", *peers, "x best peer", "x floor"], rows)


def resident_block(results, argument):
    lines = list(results.lines_of(argument.split()))
    peers = [peer for peer in ["tarn", *PEERS] if any(peer in line for _, _, line in lines)]
    rows = []
    for case, _, line in lines:
        cells = []
        for peer in peers:
            peak = line.get(peer, {}).get("peak_resident_bytes")
            cells.append("-" if peak is None else f"{peak / (1 << 20):.1f} MiB")
        rows.append([case, *cells, number(line.get("tarn", {}).get("peak_resident_ratio"))])
    return table(["", *peers, "x best peer"], rows)


def losses_block(results, _):
    """Every line in which a peer is faster than tarn, the worst first."""
    rows = []
    for (case, size), line in results.lines.items():
        tarn = line.get("tarn")
        best = best_peer(line)
        if not tarn or not best or tarn["ratio_to_best_peer"] <= 1:
            continue
        rows.append((tarn["ratio_to_best_peer"],
                     [f"{case} {size_text(size)}" if size else case, cell(tarn), best, cell(line[best]),
                      number(tarn["ratio_to_best_peer"])]))
    if not rows:
        return "In no line of this run is a peer faster than tarn.\n"
    rows.sort(key=lambda row: -row[0])
    return table(["case", "tarn", "fastest peer", "its median", "x best peer"], [row for _, row in rows])


def key_figures_block(results, _):
    """Five figures for the front page."""
    wanted = [("a `ByteBuf` of 1 KiB made and released; `malloc`, `free`", "pair", 1024),
              ("a `ByteBuf` of 64 KiB; `make_shared_for_overwrite<std::byte[]>`", "pair/shared", 65536),
              ("256 live objects of 16 B to 64 KiB, the oldest replaced", "window", None),
              ("16 KiB taken by one thread, given back by another", "cross", 16384),
              ("an object of 128 B got and recycled; `new`, `delete`", "recycler", None)]
    rows = []
    for title, case, size in wanted:
        line = results.lines.get((case, size), {})
        best = best_peer(line)
        if "tarn" in line and best:
            rows.append([title, cell(line["tarn"]), *(cell(line.get(peer)) for peer in PEERS),
                         number(line["tarn"]["ratio_to_best_peer"])])
    return table(["nanoseconds", "tarn", *PEERS, "x best peer"], rows)


BLOCKS = {"machine": machine_block, "cases": cases_block, "resident": resident_block, "losses": losses_block,
          "key-figures": key_figures_block}


def filled(page, text, results):
    """The page with every block made anew."""
    def fill(match):
        if match[2] not in BLOCKS:
            sys.exit(f"performance.py: {page}: no block is called {match[2]}; there are {', '.join(sorted(BLOCKS))}")
        return match[1] + BLOCKS[match[2]](results, match[3] or "") + match[4]
    return BLOCK.sub(fill, text)


def compact(all_):
    """The same results, a row a line, so that a later run can be compared with it; what has no meaning is left out."""
    def shorter(row):
        return {name: float(f"{value:.6g}") if isinstance(value, float) else value
                for name, value in row.items() if value is not None or name in FIELDS}
    rows = ",\n".join(json.dumps(shorter(row)) for row in all_["results"])
    rest = {name: value for name, value in all_.items() if name != "results"}
    return json.dumps(rest, indent=1)[:-2] + ',\n "results": [\n' + rows + "\n]}\n"


# --- plots --------------------------------------------------------------------------------------------------------------

HEAD = """set terminal svg size 900,480 enhanced font 'sans-serif,13' background rgb 'white'
set output '{output}'
set title '{title}'
set ylabel '{ylabel}'
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside right top
set logscale y
"""


def gnuplot(script, data, output):
    data_text = "".join(f"${name} << EOD\n{text}EOD\n" for name, text in data.items())
    done = subprocess.run(["gnuplot"], input=data_text + script, text=True, capture_output=True, check=False)
    if done.returncode != 0:  # what it warns of, such as a range of one value, is of no matter
        sys.exit(f"performance.py: gnuplot, {output}: {done.stderr}")


def line_plot(results, output, title, series):
    """Nanoseconds over the size; series: (label, case, peer)."""
    data, plots = {}, []
    for index, (label, case, peer) in enumerate(series):
        points = [(size, line[peer]["ns_median"]) for (name, size), line in results.lines.items()
                  if name == case and peer in line and line[peer]["ns_median"]]
        if not points:
            continue
        data[f"d{index}"] = "".join(f"{size} {ns}\n" for size, ns in points)
        width = 3 if label.startswith("tarn") else 1.5
        plots.append(f"$d{index} using 1:2 with linespoints lw {width} pt 7 ps 0.5 "
                     f"lc rgb '{COLOURS.get(label, '#000000')}' title '{label}'")
    if not plots:
        return
    ticks = ", ".join(f"'{size_text(1 << power)}' {1 << power}" for power in range(4, 23, 2))
    script = HEAD.format(output=output, title=title, ylabel="ns an operation, median")
    script += f"set logscale x 2\nset xtics ({ticks}) rotate by -45\nplot " + ", \\\n     ".join(plots) + "\n"
    gnuplot(script, data, output)


def bar_plot(results, output, title, bars, peers, ylabel="median, as a multiple of tarn\u2019s"):
    """A group of bars for each of `bars` (label, case, size): everyone's median as a multiple of tarn's."""
    peers = [peer for peer in peers if any(results.median(case, size, peer) for _, case, size in bars)]
    groups = []
    for label, case, size in bars:
        tarn = results.median(case, size, "tarn")
        if tarn:
            groups.append((label, [(results.median(case, size, peer) or math.nan) / tarn for peer in peers]))
    if not groups or not peers:
        return
    text = "".join(f'"{label}" ' + " ".join("?" if math.isnan(v) else f"{v:.4f}" for v in values) + "\n"
                   for label, values in groups)
    script = HEAD.format(output=output, title=title, ylabel=ylabel)
    script += "set style data histograms\nset style histogram clustered gap 1\nset style fill solid 0.9 noborder\n"
    script += "set datafile missing '?'\nset xtics rotate by -30\nset arrow from graph 0,first 1 to graph 1,first 1 nohead "
    script += f"lw 2 lc rgb '{COLOURS['tarn']}'\n"
    script += "plot " + ", \\\n     ".join(
        f"$d using {index + 2}:xtic(1) lc rgb '{COLOURS.get(peer, '#000000')}' title '{peer}'"
        for index, peer in enumerate(peers)) + "\n"
    gnuplot(script, {"d": text}, output)


def draw_all(results, folder):
    mallocs = [(peer, "pair", peer) for peer in PEERS]
    line_plot(results, folder / "pair.svg", "One object taken and given back",
              [("tarn", "pair", "tarn"), ("tarn memory", "pair/memory", "tarn"), *mallocs, ("floor", "pair", "floor")])
    line_plot(results, folder / "pair-shared.svg", "A ByteBuf beside make\\_shared\\_for\\_overwrite<std::byte[]>",
              [("tarn", "pair/shared", "tarn"), *((peer, "pair/shared", peer) for peer in PEERS)])
    bar_plot(results, folder / "live.svg", "Many objects live (tarn = 1; above: slower than tarn)",
             [("burst 256 B", "burst", 256), ("burst 16 KiB", "burst", 16384), ("window", "window", None),
              ("large-window", "large-window", None), ("many", "many", None)], PEERS)
    bar_plot(results, folder / "threads.svg", "Between threads (tarn = 1; above: slower than tarn)",
             [("cross 1 KiB", "cross", 1024), ("cross 16 KiB", "cross", 16384), ("cross 256 KiB", "cross", 262144),
              ("ping-pong 1 KiB", "ping-pong", 1024), ("ping-pong 16 KiB", "ping-pong", 16384),
              ("churn", "churn", None)], PEERS)
    bar_plot(results, folder / "recycler.svg", "The recycler beside new and delete of 128 B (tarn = 1)",
             [("guarded", "recycler", None), ("unguarded", "recycler/unguarded", None),
              ("pinned", "recycler/pinned", None), ("ring", "recycler/ring", None)], ["floor", *PEERS])
    traces = sorted({case.split("/")[1] for case, _ in results.lines if case.startswith("traces/")} - {"geometric-mean"})
    for threads in ("one", "recorded"):
        bar_plot(results, folder / f"traces-{threads}.svg",
                 f"Recorded traces as plain memory, threads: {threads} (tarn = 1; above: slower than tarn)",
                 [(trace, f"traces/{trace}/memory/direct/{threads}", None) for trace in traces], PEERS)


def main(arguments):
    check = arguments[:1] == ["--check"]
    if check:
        del arguments[0]
    if len(arguments) > 2 or any(argument.startswith("-") for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    source = pathlib.Path(arguments[0]) if arguments else ROOT / "docs/performance/results.json"
    pages = [pathlib.Path(arguments[1])] if len(arguments) > 1 else [ROOT / "docs/performance.md", ROOT / "README.md"]
    text = compact(json.loads(source.read_text()))
    results = Results(text)
    stale = []
    for page in pages:
        old = page.read_text()
        new = filled(page, old, results)
        if old != new:
            stale.append(str(page))
            if not check:
                page.write_text(new)
    if check:
        for page in stale:
            print(f"{page} does not show {source}: run scripts/performance.py", file=sys.stderr)
        return 1 if stale else 0
    source.write_text(text)
    draw_all(results, source.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
