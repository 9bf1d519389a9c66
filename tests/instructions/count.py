#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions that one operation of a probe program executes, and fails above a budget.

The probe is run twice under callgrind, as `PROBE CASE N` with a small and a large N. What both runs
have in common (start-up, warm-up, exit) cancels out in the difference, which divided by the
difference of the two N is what one operation costs. Callgrind records every instruction's address,
so the locked ones (a lock prefix, or an xchg with memory) are counted the same way.

Exit status: 0 within the budget and as the golden file says, 1 if not, 2 when nothing could be counted.
"""
import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import golden  # noqa: E402  (found through the line above)

# What two runs of a process may differ by though their operations do not: whether a joined thread
# was waited for (a hundred instructions or two, in one run of ten), the digits of a longer N.
SCATTER = 500  # instructions of a whole run
LOCKED = re.compile(r"\block\b|\bxchg\b.*\(")
COST_LINE = re.compile(r"0x([0-9a-f]+) \d+ (\d+)$")


class CannotCount(Exception):
    """The probe, valgrind or objdump did not do its part."""


def run(command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise CannotCount(f"{' '.join(command)} ended with {result.returncode}:\n"
                          f"{result.stdout}{result.stderr}")
    return result.stdout


def parse_callgrind(lines):
    """{(object, function, address): executions} of one callgrind output with plain positions."""
    executed = collections.Counter()
    binary = function = ""
    skip = False  # the line after "calls=" is the callee's cost, counted where it is spent
    for line in lines:
        if line.startswith("ob="):
            binary = line[3:].strip()
        elif line.startswith("fn="):
            function = line[3:].strip()
        elif line.startswith("calls="):
            skip = True
        elif match := COST_LINE.match(line):
            if not skip:
                executed[binary, function, int(match[1], 16)] += int(match[2])
            skip = False
    return executed


def execute(valgrind, probe, count):
    with tempfile.NamedTemporaryFile(mode="r", suffix=".callgrind") as out:
        run([valgrind, "--tool=callgrind", "--dump-instr=yes", "--compress-strings=no",
             "--compress-pos=no", f"--callgrind-out-file={out.name}", *probe, str(count)])
        executed = parse_callgrind(out)
    if not executed:
        raise CannotCount(f"callgrind recorded nothing of {' '.join(probe)} {count}")
    return executed


def locked_addresses(binary, addresses):
    """Those of `addresses` in the file `binary` that hold a locked instruction."""
    wanted, locked = sorted(addresses), set()
    while wanted:
        # One run of objdump for what lies close together, not the whole of the C library.
        near = [a for a in wanted if a < wanted[0] + 65536]
        wanted = wanted[len(near):]
        listing = run(["objdump", "-d", "--no-show-raw-insn", f"--start-address={near[0]:#x}",
                       f"--stop-address={near[-1] + 16:#x}", binary])
        for line in listing.splitlines():
            address, colon, text = line.strip().partition(":\t")
            if colon and LOCKED.search(text):
                locked.add(int(address, 16))
    return locked & set(addresses)


def measure(valgrind, probe, few, many):
    """(instructions, locked instructions, {function: instructions}), each for one operation."""
    before, after = execute(valgrind, probe, few), execute(valgrind, probe, many)
    growth = {key: after[key] - before[key] for key in after | before if after[key] != before[key]}
    functions, by_binary = collections.Counter(), collections.defaultdict(dict)
    for (binary, function, address), executions in growth.items():
        functions[function] += executions
        by_binary[binary][address] = by_binary[binary].get(address, 0) + executions
    locked = 0
    for binary, addresses in by_binary.items():
        if binary.startswith("/"):  # "???": code that no file holds, such as a signal's trampoline
            locked += sum(addresses[a] for a in locked_addresses(binary, addresses))
    operations = many - few
    return (round(sum(growth.values()) / operations, 2), round(locked / operations, 2),
            {name: executions / operations for name, executions in functions.items()})


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("probe", nargs="+", help="the program and the arguments before N")
    parser.add_argument("--budget", type=float, required=True, help="instructions an operation")
    parser.add_argument("--locked", type=float, help="locked instructions an operation")
    parser.add_argument("--golden", type=pathlib.Path, help="the file of what has been counted before")
    parser.add_argument("--name", help="what the operation is called there")
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=11000)
    parser.add_argument("--valgrind", default="valgrind")
    parser.add_argument("--explain", action="store_true", help="list the functions in any case")
    options = parser.parse_args(argv)
    if (options.golden is None) != (options.name is None):
        parser.error("--golden and --name belong together")
    try:
        instructions, locked, functions = measure(options.valgrind, options.probe, options.few,
                                                  options.many)
    except (CannotCount, OSError) as fault:
        print(f"count.py: {fault}", file=sys.stderr)
        return 2
    allowed_locked = "any" if options.locked is None else f"{options.locked:g}"
    print(f"{' '.join(options.probe[1:])}: {instructions:.2f} instructions, {locked:.2f} of them "
          f"locked, an operation; budget {options.budget:g}, {allowed_locked} locked")
    scatter = SCATTER / (options.many - options.few)
    above = instructions > options.budget + scatter or (options.locked is not None
                                                        and locked > options.locked)
    changed = None
    if options.golden and os.environ.get(golden.REFRESHING):
        golden.write(options.golden, options.name, instructions, locked)
    elif options.golden:
        changed = golden.judge(options.golden, options.name, instructions, locked)
    if changed:
        print(changed)
    if above or changed or options.explain:
        for name, cost in sorted(functions.items(), key=lambda item: -item[1])[:20]:
            print(f"{cost:10.2f}  {name}")
    return 1 if above or changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
