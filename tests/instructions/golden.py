#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each hot path costs, written down: a golden file for each compiler.

    golden.py FILE NAME...    fails unless FILE has exactly these names
    golden.py --refresh BUILD measures all hot paths of a build and writes its golden file anew
"""
import fcntl
import os
import pathlib
import subprocess
import sys

# Set while all is measured anew: what is counted is written down instead of compared.
REFRESHING = "TARN_REFRESH_GOLDEN"
# What a figure may be off though nobody changed the code. A change of a short path is an instruction
# in every operation; long ones, between threads above all, also contain what is done once in many.
SLACK, LONG, SLACK_OF_LONG = 0.5, 100, 0.03  # instructions; the share of those above LONG
SLACK_LOCKED = 0.1

HEADER = """# SPDX-License-Identifier: Apache-2.0
# Instructions that an operation executes, and how many of them are locked. Written by
# tests/instructions/golden.py --refresh; see README.md there.
"""


class BadGolden(Exception):
    """A golden file that can't be understood."""


def read(path):
    """{name: (instructions, locked)}; nothing for a file that does not exist."""
    figures = {}
    if not path.exists():
        return figures
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        try:
            name, instructions, locked = line.split()
            figures[name] = float(instructions), float(locked)
        except ValueError as fault:
            raise BadGolden(f"{path}:{number}: not 'name instructions locked': {line}") from fault
    return figures


def write(path, name, instructions, locked):
    """Puts one figure into the file; several tests may do so at a time."""
    with open(path, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        figures = read(path)
        figures[name] = instructions + 0.0, locked + 0.0  # no minus before a zero
        path.write_text(HEADER + "".join(f"{key} {value[0]:.2f} {value[1]:.2f}\n"
                                         for key, value in sorted(figures.items())))


def judge(path, name, instructions, locked):
    """None when what was counted is what is written down, otherwise what to say."""
    figures = read(path)
    if name not in figures:
        return f"{name} is not in {path.name}: refresh it (golden.py --refresh BUILD)"
    wanted, wanted_locked = figures[name]
    slack = SLACK + max(0, wanted - LONG) * SLACK_OF_LONG
    more, more_locked = instructions - wanted, locked - wanted_locked
    change = (f"{name}: {instructions:.2f} instructions, {locked:.2f} locked; "
              f"{path.name} has {wanted:.2f}, {wanted_locked:.2f}")
    if more > slack or more_locked > SLACK_LOCKED:
        return f"worse by {more:+.2f} instructions, {more_locked:+.2f} locked. {change}"
    if more < -slack or more_locked < -SLACK_LOCKED:
        return (f"better by {-more:.2f} instructions, {-more_locked:.2f} locked: refresh the golden "
                f"file (golden.py --refresh BUILD). {change}")
    return None


def compare_names(path, names):
    """The exit status of the check that the file has these names and no others."""
    known = set(read(path))
    for name in sorted(set(names) - known):
        print(f"{path.name} lacks {name}: refresh it")
    for name in sorted(known - set(names)):
        print(f"{path.name} has {name}, which no test counts: refresh it")
    return 0 if known == set(names) else 1


def refresh(build):
    """Measures all paths of a build. Each test puts its figure where the build's golden file is."""
    cache = (build / "CMakeCache.txt").read_text()
    marker = "TARN_GOLDEN_FILE:INTERNAL="
    found = [line[len(marker):] for line in cache.splitlines() if line.startswith(marker)]
    if not found or not found[0]:
        print(f"{build} counts nothing against a golden file: it has to be a plain Release build")
        return 2
    path = pathlib.Path(found[0])
    path.write_text(HEADER)
    status = subprocess.run(["ctest", "--test-dir", build, "--label-regex", "^instructions$",
                             "--exclude-regex", "golden_names|_test$", "--output-on-failure"],
                            env=dict(os.environ, **{REFRESHING: "1"}), check=False).returncode
    print(f"{path}: {len(read(path))} figures")
    return status


def main(argv):
    if len(argv) == 2 and argv[0] == "--refresh":
        return refresh(pathlib.Path(argv[1]))
    if not argv or argv[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    return compare_names(pathlib.Path(argv[0]), argv[1:])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (BadGolden, OSError) as fault:
        sys.exit(f"golden.py: {fault}")
