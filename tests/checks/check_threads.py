#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a test that is left out where only those with threads are built can start one.

    check_threads.py NM PROGRAM...
"""
import re
import subprocess
import sys

STARTS_A_THREAD = re.compile(r"\bpthread_create\b|\b_ZNSt6thread15_M_start_thread")


def check(nm, programs):
    faults = []
    for program in programs:
        wanted = subprocess.run([nm, "--undefined-only", program], capture_output=True, text=True, check=True).stdout
        if STARTS_A_THREAD.search(wanted):
            faults.append(f"{program}: starts threads, but its source has nothing of tarn_starts_threads "
                          "(tests/CMakeLists.txt), so the leg tsan leaves it out")
    return faults


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} NM PROGRAM...")
    found = check(sys.argv[1], sys.argv[2:])
    for fault in found:
        print(fault)
    sys.exit(1 if found else 0)
