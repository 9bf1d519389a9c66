#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a header does not compile on its own, twice in one file and without warnings.

Headers below include/ are compiled as a user of the installed library would, without src/.
"""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys

import tree

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
            "-Wold-style-cast", "-Wundef", "-Werror"]


def compile_alone(root, compiler, header):
    """What the compiler says against the header; empty when nothing."""
    where = header.relative_to(root)
    folders = [root / "include"]
    if where.parts[0] != "include":
        folders += [root / "src", root / "tests", root / "tools"]
    command = [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", *WARNINGS,
               *(f"-I{folder}" for folder in folders), "-"]
    result = subprocess.run(command, input=f'#include "{header}"\n' * 2, capture_output=True, text=True)
    return f"{where}: does not compile on its own:\n{result.stderr}" if result.returncode else ""


def check(root, compiler):
    headers = tree.files(root, {".hpp"}, ("include", "src", "tests/support", "tools"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda header: compile_alone(root, compiler, header), headers)
        return [fault for fault in said if fault]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("compiler")
    options = parser.parse_args()
    faults = check(options.root.resolve(), options.compiler)
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
