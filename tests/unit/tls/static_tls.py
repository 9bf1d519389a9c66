#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a shared object has more static TLS than allowed, or reaches any of it by a call.

Static TLS of objects that are loaded late comes from a small reserve of the C library (about 1.6 KiB for all of them).
"""
import re
import subprocess
import sys


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], check=True, capture_output=True, text=True).stdout


def main():
    library, most = sys.argv[1], int(sys.argv[2])
    segment = re.search(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", readelf("-l", library), re.M)
    size = int(segment[1], 16) if segment else 0
    print(f"{size} bytes of static TLS, at most {most}")
    if size > most:
        sys.exit("more than allowed")
    if re.search(r"R_\w+_(DTPMOD|DTPREL|TLSDESC)", readelf("-r", library)):
        sys.exit("a thread-local that is not of the model initial-exec")


if __name__ == "__main__":
    main()
