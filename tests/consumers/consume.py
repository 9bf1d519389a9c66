#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs tarn, or builds and runs consumer.cpp against it in one of the ways that users have.

Every step works in its own folder below the one named by --work, made afresh.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


def run(*command, env=None):
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, env=env, stdin=subprocess.DEVNULL)


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class Steps:
    def __init__(self, options):
        self.options = options
        # Debug, where tarn itself is built once more: what is shown here is how it links, and
        # optimising the library twice over would take most of the tests' time.
        self.settings = [f"-DCMAKE_CXX_COMPILER={options.compiler}", "-DCMAKE_BUILD_TYPE=Debug",
                         f"-DCMAKE_CXX_FLAGS={options.flags}"]

    def prefix(self):
        return self.options.work / f"prefix_{self.options.linkage}"

    def build_and_run(self, source, *settings):
        build = fresh(self.options.work / f"{self.options.step}_{self.options.linkage}")
        run("cmake", "-G", "Ninja", "-S", source, "-B", build, *self.settings, *settings)
        run("cmake", "--build", build)
        run(build / "consumer")

    def install(self):
        """Lays tarn down: statically what has been built already, shared after a build of its own."""
        build = self.options.build
        if self.options.linkage == "shared":
            build = fresh(self.options.work / "build_shared")
            run("cmake", "-G", "Ninja", "-S", SOURCE, "-B", build, *self.settings,
                "-DBUILD_SHARED_LIBS=ON", "-DTARN_BUILD_TESTS=OFF", "-DTARN_BUILD_TOOLS=OFF",
                "-DTARN_BUILD_EXAMPLES=OFF")
            run("cmake", "--build", build)
        run("cmake", "--install", build, "--prefix", fresh(self.prefix()))
        wanted = ["include/tarn/tarn.hpp", "share/doc/tarn/LICENSE"]
        if self.options.linkage == "static":
            wanted.append("bin/tarn")
        missing = [name for name in wanted if not (self.prefix() / name).is_file()]
        if missing:
            sys.exit(f"not installed: {', '.join(missing)}")

    def program(self):
        """The installed program runs where it stands."""
        run(self.prefix() / "bin/tarn", "sizes")

    def exports(self):
        """The shared library shows namespace tarn and nothing else."""
        library = self.prefix() / "lib/libtarn.so"
        listing = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", library],
                                 check=True, capture_output=True, text=True).stdout
        names = [line.split()[0] for line in listing.splitlines()]
        strange = [name for name in names if "4tarn" not in name and not name.startswith("tarn_")]
        if not names or strange:
            sys.exit(f"{len(names)} names exported; not of tarn: {' '.join(strange)}")

    def find_package(self):
        self.build_and_run(HERE / "find_package", f"-DCMAKE_PREFIX_PATH={self.prefix()}",
                           f"-DEXPECTED_TYPE={self.options.linkage.upper()}_LIBRARY",
                           f"-DEXPECTED_VERSION={self.options.version}")

    def add_subdirectory(self):
        self.build_and_run(HERE / "add_subdirectory", f"-DTARN_SOURCE={SOURCE}")

    def pkg_config(self):
        folder = fresh(self.options.work / f"pkg_config_{self.options.linkage}")
        env = dict(os.environ, PKG_CONFIG_PATH=str(self.prefix() / "lib/pkgconfig"),
                   LD_LIBRARY_PATH=str(self.prefix() / "lib"))
        asked = ["pkg-config", "--cflags", "--libs", f"tarn = {self.options.version}"]
        flags = subprocess.run(asked, check=True, capture_output=True, text=True, env=env).stdout
        run(self.options.compiler, *self.options.flags.split(), "-std=c++20", HERE / "consumer.cpp",
            "-o", folder / "consumer", *flags.split())
        run(folder / "consumer", env=env)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=[name for name in vars(Steps) if name[0] != "_"
                                         and name not in ("prefix", "build_and_run")])
    parser.add_argument("--linkage", choices=("static", "shared"), default="static")
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the build to install")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--flags", default="")
    options = parser.parse_args()
    try:
        getattr(Steps(options), options.step)()
    except subprocess.CalledProcessError as fault:
        sys.exit(f"consume.py: {fault}")


if __name__ == "__main__":
    main()
