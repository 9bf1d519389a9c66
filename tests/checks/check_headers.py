#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a header does not compile on its own, twice in one file and without warnings.

Headers below include/ are compiled as a user of the installed library would, without src/. Those that need C++20, which no
pkg-config file asks for, must say so first when they are compiled as C++17.
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


def compile_as_older(root, compiler, header):
    """What a public header says as C++17: nothing, or first of all that it needs C++20."""
    command = [compiler, "-std=c++17", "-fsyntax-only", "-x", "c++", f"-I{root / 'include'}", "-"]
    result = subprocess.run(command, input=f'#include "{header}"\n', capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    if result.returncode == 0 or (errors and "C++20" in errors[0] and "#error" in result.stderr):
        return ""
    return f"{header.relative_to(root)}: does not say first that it needs C++20:\n{errors[:1]}"


def fault_of(root, compiler, header):
    fault = compile_alone(root, compiler, header)
    if not fault and header.parent == root / "include/tarn":
        fault = compile_as_older(root, compiler, header)
    return fault


def check(root, compiler):
    headers = tree.files(root, {".hpp"}, ("include", "src", "tests/support", "tools"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda header: fault_of(root, compiler, header), headers)
        return [fault for fault in said if fault]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("compiler")
    options = parser.parse_args()
    faults = check(options.root.resolve(), options.compiler)
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
