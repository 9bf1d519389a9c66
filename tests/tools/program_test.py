#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program tarn from outside: commands, options, files, results, exit status.

usage: program_test.py PROGRAM FAULTY_MALLOC [unittest's arguments]
"""
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import trace_writer  # noqa: E402

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
FAULTY_MALLOC = pathlib.Path(sys.argv.pop(1)).resolve()
SANITIZED = any(name in PROGRAM.read_bytes() for name in (b"__asan_init", b"__tsan_init"))

REPLAY_FIELDS = ["trace", "allocator", "mode", "kind", "threads", "events", "ns_per_event_min", "ns_per_event_median",
                 "ratio_to_malloc", "cache_hit_share", "peak_live_bytes", "peak_resident_bytes", "resident_after_trim_bytes",
                 "stamp_errors"]

BENCH_FIELDS = ["case", "peer", "size", "ns_min", "ns_median", "ratio_to_floor", "ratio_to_best_peer"]


def run(*arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          timeout=300, check=False, **options)


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, data, name="small.atrc"):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def trace(self, seed=1, name="small.atrc", **options):
        return self.file(trace_writer.random_trace(seed, **options).bytes(), name)

    def assert_fails(self, status, words, *arguments, **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, done.stderr)
        return done


class CommandLine(ProgramTest):
    def test_help_and_version_of_everything(self):
        for command in ([], ["replay"], ["bench"], ["sizes"]):
            done = run(*command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("Usage: tarn", done.stdout)
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^tarn \d+\.\d+\.\d+\n$")

    def test_wrong_arguments_end_with_2_and_name_the_allowed(self):
        trace = self.trace(events=10)
        for words, arguments in (
                (["an argument is needed", "replay", "see tarn --help"], []),
                (["'frob'", "replay", "sizes"], ["frob"]),
                (["'--frob'", "--version", "see tarn --help"], ["--frob"]),
                (["'--json'", "--version", "see tarn --help"], ["--json", "sizes"]),
                (["TRACE is required", "see tarn replay --help"], ["replay"]),
                ("--bogus", ["replay", trace, "--bogus"]),
                (["'foo'", "tarn, malloc, jemalloc, mimalloc, tcmalloc, tbb"], ["replay", trace, "--allocator", "foo"]),
                (["--case", "'foo'", "pair"], ["bench", "--case", "foo"]),
                (["--case", "''", "pair"], ["bench", "--case", ""]),
                (["--peer", "'foo'", "tarn, malloc, jemalloc, mimalloc, tcmalloc, tbb"], ["bench", "--peer", "foo"]),
                (["'0'", "from 1 to 1000", "see tarn bench --help"], ["bench", "--rounds", "0"]),
                (["'x'", "from 1 to 1000000"], ["bench", "--sample-us", "x"]),
                (["extra", "see tarn bench --help"], ["bench", "extra"]),
                (["--traces", "'/no/such'"], ["bench", "--case", "traces", "--traces", "/no/such"]),
                ("there twice", ["replay", trace, "--allocator", "tarn,tarn"]),
                (["'x'", "buffer, memory"], ["replay", trace, "--mode", "x"]),
                (["'x'", "heap, direct"], ["replay", trace, "--kind", "x"]),
                (["'x'", "one, recorded"], ["replay", trace, "--threads", "x"]),
                (["'0'", "from 1 to 1000"], ["replay", trace, "--rounds", "0"]),
                (["'-1'", "from 0 to"], ["replay", trace, "--lead", "-1"]),
                (["'many'", "from 0 to"], ["replay", trace, "--lead", "many"]),
                ("is not NAME=FILE", ["replay", trace, "--preload", "x"]),
                (["/no/such.so", "No such file"], ["replay", trace, "--preload", "x=/no/such.so"]),
                ("--page-size", ["sizes", "--page-size", "-8192"]),
                (["5000", "power of two"], ["sizes", "--page-size", "5000"]),
                (["'15'", "from 0 to 14"], ["sizes", "--max-order", "15"]),
                (["14", "1048576"], ["sizes", "--page-size", 1 << 20, "--max-order", "14"]),
                ("--page-size", ["sizes", "--page-size", "99999999999999999999999"]),
                ("extra", ["sizes", "extra"])):
            with self.subTest(arguments=arguments):
                done = self.assert_fails(2, words, *arguments)
                self.assertEqual(done.stdout, "")

    def test_a_full_device_is_noticed(self):
        trace = self.trace(events=50)
        for arguments in (["--help"], ["--version"], ["sizes"], ["sizes", "--json"],
                          ["bench", "--case", "burst", "--rounds", 1, "--sample-us", 10, "--peer", "tarn"],
                          ["replay", trace, "--rounds", 1, "--allocator", "malloc"]):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                self.assert_fails(1, "No space left", *arguments, stdout=full)

    def test_a_closed_output_is_noticed(self):
        done = subprocess.run(["sh", "-c", f'"{PROGRAM}" sizes >&-'], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("can't write", done.stderr)


class Sizes(ProgramTest):
    def test_table_has_the_default_classes(self):
        done = run("sizes")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 2 + 68)
        self.assertEqual(lines[2].split()[:5], ["0", "16", "tiny", "1", "512"])
        self.assertEqual(lines[-1].split()[:5], ["67", "4,194,304", "normal", "512", "1"])

    def test_json_agrees_with_itself(self):
        for page_size, max_order in ((8192, 9), (4096, 0), (4096, 14), (65536, 4)):
            done = run("sizes", "--json", "--page-size", page_size, "--max-order", max_order)
            self.assertEqual(done.returncode, 0, done.stderr)
            results = json.loads(done.stdout)["results"]
            self.assertEqual(results[-1]["size"], page_size << max_order)
            for index, result in enumerate(results):
                self.assertEqual(result["index"], index)
                self.assertEqual(result["elements"] * result["size"] + result["run_waste_bytes"],
                                 result["run_pages"] * page_size)
                self.assertIn(result["category"], ("tiny", "small", "normal"))
                self.assertTrue(0 <= result["rounding_waste_share"] < 1)


class Files(ProgramTest):
    def assert_refused(self, path, words, **options):
        done = self.assert_fails(2, words, "replay", path, "--rounds", 1, **options)
        self.assertIn(str(path), done.stderr, "the file is named")
        self.assertEqual(done.stdout, "")

    def test_what_is_no_trace_is_refused_by_name_and_byte(self):
        whole = trace_writer.random_trace(1, events=200).bytes()
        for data, words in (
                (b"", ["empty", "at byte 0"]),
                (b"hello, world", ["neither a zstd frame nor a bare ATRC trace", "at byte 0"]),
                (b"ATRX" + whole[4:], ["does not start with ATRC", "at byte 3"]),
                (whole[:50], ["cut short", "at byte 50"]),
                (whole[:200], [f"the trace, {len(whole)} bytes by its header, ends within its", ", at byte 200\n"]),
                (whole + b"x", ["more bytes follow the payload", f"at byte {len(whole)}"]),
                (whole[:4] + b"\2" + whole[5:], ["the version is 2", "at byte 4"])):
            with self.subTest(words=words):
                self.assert_refused(self.file(data), words)

    def test_what_cannot_be_read_is_refused(self):
        self.assert_refused(self.folder / "nothing", "No such file")
        self.assert_refused(self.folder, ["Is a directory", "at byte 0"])
        self.assert_refused("/proc/self/mem", ["Input/output error", "at byte 0"])
        secret = self.trace(events=10)
        secret.chmod(0)
        if os.geteuid() != 0:  # nothing is closed to root
            self.assert_refused(secret, "Permission denied")

    @unittest.skipIf(shutil.which("zstd") is None, "no zstd command")
    def test_frames(self):
        path = self.trace(events=300)
        subprocess.run(["zstd", "-q", path], check=True)
        frame = path.with_suffix(".atrc.zst")
        done = run("replay", frame, "--rounds", 1, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["results"][0]["trace"], "small")
        data = frame.read_bytes()
        self.assert_refused(self.file(data[:-20], "cut"), ["zstd frame is cut short", f"at byte {len(data) - 20}"])
        self.assert_refused(self.file(data + b"x", "longer"), ["more bytes follow the zstd frame", f"at byte {len(data)}"])
        middle = len(data) // 2
        broken = data[:middle] + bytes([data[middle] ^ 0xff]) + data[middle + 1:]
        self.assert_refused(self.file(broken, "broken"), "at byte")

    @unittest.skipIf(shutil.which("zstd") is None or SANITIZED, "no zstd command, or no use of limits")
    def test_hostile_sizes_do_not_take_memory(self):
        def limit():
            import resource
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        whole = bytearray(trace_writer.random_trace(1, events=200).bytes())
        for field, size in ((8, 4), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8), (64, 8)):
            data = bytearray(whole)
            data[field:field + size] = b"\xff" * size
            self.assert_refused(self.file(data), "at byte", preexec_fn=limit)
        # Objects that never end, compressed a thousandfold: all are read, up to the header's count.
        events = 1 << 22
        payload = bytes(3 * events)
        header = b"ATRC" + struct.pack("<HHIIQQQQQQQII", 1, 84, 1, 0, events, events, 0, 0, 0, 0, len(payload), 0, 0) + bytes(4)
        self.file(header + payload, "bomb")
        subprocess.run(["zstd", "-q", "--rm", self.folder / "bomb"], check=True)
        self.assertLess((self.folder / "bomb.zst").stat().st_size, 10000)
        self.assert_refused(self.folder / "bomb.zst", "at byte 72", preexec_fn=limit)

    def test_what_the_machine_cannot_hold_is_refused(self):
        trace = trace_writer.Trace()
        trace.free_rest([(trace.malloc(0, 1 << 46), 0)])
        self.assert_refused(self.file(trace.bytes()), "this machine has")

    def test_one_bad_file_stops_all_before_anything_runs(self):
        good = self.trace(name="good.atrc", events=100)
        self.assert_fails(2, "bad.atrc", "replay", good, self.file(b"x", "bad.atrc"))


class Replay(ProgramTest):
    def replay(self, *arguments):
        done = run("replay", "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_json_is_as_promised(self):
        trace = trace_writer.random_trace(5, threads=3)
        all_ = self.replay(self.file(trace.bytes()), "--rounds", 3)
        self.assertEqual(sorted(all_), ["results", "tarn"])
        self.assertRegex(all_["tarn"], r"^\d+\.\d+\.\d+$")
        tarn, malloc = all_["results"]
        for result, name in ((tarn, "tarn"), (malloc, "malloc")):
            self.assertEqual(list(result), REPLAY_FIELDS)
            self.assertEqual(result["allocator"], name)
            self.assertEqual((result["trace"], result["mode"], result["kind"], result["threads"]),
                             ("small", "buffer", "heap", "one"))
            self.assertEqual(result["events"], trace.events)
            self.assertEqual(result["peak_live_bytes"], trace.peak)
            self.assertEqual(result["stamp_errors"], 0)
            self.assertTrue(0 < result["ns_per_event_min"] <= result["ns_per_event_median"])
            self.assertGreaterEqual(result["resident_after_trim_bytes"], 0)
        self.assertEqual(malloc["ratio_to_malloc"], 1)
        self.assertAlmostEqual(tarn["ratio_to_malloc"], tarn["ns_per_event_median"] / malloc["ns_per_event_median"])
        self.assertTrue(0 < tarn["cache_hit_share"] <= 1)
        self.assertIsNone(malloc["cache_hit_share"])
        if not SANITIZED:  # whose allocator keeps more than is live
            self.assertGreater(tarn["peak_resident_bytes"], trace.peak * 0.8)

    def test_every_mode_replays_traces_of_one_and_many_threads(self):
        paths = [self.trace(seed=seed, name=f"t{threads}.atrc", threads=threads) for seed, threads in ((2, 1), (3, 2), (4, 9))]
        for mode in ("buffer", "memory"):
            for kind in ("heap", "direct"):
                for threads in ("one", "recorded"):
                    with self.subTest(mode=mode, kind=kind, threads=threads):
                        results = self.replay(*paths, "--mode", mode, "--kind", kind, "--threads", threads,
                                              "--rounds", 1)["results"]
                        self.assertEqual([r["trace"] for r in results], ["t1", "t1", "t2", "t2", "t9", "t9"])
                        self.assertEqual({r["stamp_errors"] for r in results}, {0})
                        self.assertEqual({(r["mode"], r["kind"], r["threads"]) for r in results}, {(mode, kind, threads)})

    def test_any_lead_ends(self):
        path = self.trace(seed=7, threads=6, events=1500)
        for lead in (0, 1, 5, 1 << 30):
            with self.subTest(lead=lead):
                self.replay(path, "--threads", "recorded", "--lead", lead, "--rounds", 1, "--mode", "memory")

    def test_a_lead_of_nothing_keeps_the_recorded_peak(self):
        trace = trace_writer.random_trace(8, threads=5, events=1500)
        for result in self.replay(self.file(trace.bytes()), "--threads", "recorded", "--lead", 0, "--rounds", 1)["results"]:
            self.assertEqual(result["peak_live_bytes"], trace.peak)

    def test_without_malloc_there_is_no_ratio(self):
        result, = self.replay(self.trace(), "--allocator", "tarn", "--rounds", 1)["results"]
        self.assertIsNone(result["ratio_to_malloc"])

    def test_traces_without_a_window_have_no_time(self):
        prologue_only = trace_writer.Trace()
        live = [(prologue_only.malloc(0, 100), 0)]
        prologue_only.end_prologue()
        prologue_only.free_rest(live)
        for trace in (prologue_only, trace_writer.Trace()):
            for threads in ("one", "recorded"):
                for result in self.replay(self.file(trace.bytes()), "--threads", threads, "--rounds", 1)["results"]:
                    self.assertIsNone(result["ns_per_event_min"])
                    self.assertIsNone(result["ratio_to_malloc"])
                    self.assertEqual(result["stamp_errors"], 0)

    def test_reallocs_to_nothing_and_objects_of_nothing(self):
        trace = trace_writer.Trace()
        made = trace.malloc(0, 0)
        for size in (0, 10, 0, 5000, 1, 0):
            made = trace.realloc(0, made, size)
        trace.free_rest([(made, 0), (trace.memalign(0, 12, 0), 0), (trace.calloc(0, 0), 0)])
        for mode in ("buffer", "memory"):
            self.replay(self.file(trace.bytes()), "--mode", mode, "--rounds", 1)

    def test_table_is_for_people(self):
        done = run("replay", self.trace(), "--rounds", 1)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertIn("stamp errors", lines[0])
        self.assertEqual([line.split()[:2] for line in lines[2:]], [["small", "tarn"], ["small", "malloc"]])

    def test_progress_is_shown_on_a_terminal_alone(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        done = subprocess.run([PROGRAM, "replay", "--json", "--rounds", "1", self.trace()], stdout=subprocess.PIPE, stderr=slave,
                              text=True, timeout=300, check=False)
        os.close(slave)
        self.assertEqual(done.returncode, 0)
        json.loads(done.stdout)
        self.assertIn(b"small, tarn, round 1 of 1", os.read(master, 65536))


class Peers(ProgramTest):
    def test_one_that_is_not_installed_is_named_and_left_out(self):
        missing = [name for name in ("jemalloc", "mimalloc", "tcmalloc", "tbb")
                   if "left out" in run("replay", self.trace(events=10), "--rounds", 1, "--allocator", f"tarn,{name}").stderr]
        for name in missing:
            done = run("replay", self.trace(events=10), "--rounds", 1, "--allocator", f"{name},malloc", "--json")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"{name}: its shared library is not installed; left out", done.stderr)
            self.assertEqual([r["allocator"] for r in json.loads(done.stdout)["results"]], ["malloc"])
            self.assert_fails(2, "none of them is installed", "replay", self.trace(events=10), "--allocator", name)

    @unittest.skipIf(SANITIZED, "a sanitizer's malloc can't be replaced")
    def test_those_that_are_installed_run(self):
        done = run("replay", self.trace(threads=3), "--allocator", "tarn,malloc,jemalloc,mimalloc,tcmalloc,tbb", "--rounds", 1,
                   "--mode", "memory", "--threads", "recorded", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        for result in json.loads(done.stdout)["results"]:
            self.assertEqual(result["stamp_errors"], 0)
            self.assertGreater(result["ratio_to_malloc"], 0)

    def test_a_library_without_malloc_is_no_allocator(self):
        library = next(pathlib.Path("/usr/lib").glob("*/libzstd.so.1"))
        done = run("replay", self.trace(events=10), "--rounds", 1, "--allocator", "malloc", "--preload", f"zstd={library}")
        if SANITIZED:
            self.skipTest("a sanitizer's malloc can't be replaced")
        self.assertEqual(done.returncode, 1)
        self.assertIn("zstd: malloc of", done.stderr)


@unittest.skipIf(SANITIZED, "a sanitizer's malloc can't be replaced")
class Faults(ProgramTest):
    """What an allocator does wrong, with one that does it on demand."""

    def faulty(self, *sizes, json_too=False, mode="memory"):
        trace = trace_writer.Trace()
        live = [(trace.malloc(0, size), 0) for size in sizes]
        trace.free_rest(live)
        return run("replay", self.file(trace.bytes()), "--rounds", 1, "--mode", mode, "--allocator", "malloc", "--preload",
                   f"faulty={FAULTY_MALLOC}", *(["--json"] if json_too else []))

    def test_the_faulty_one_is_right_otherwise(self):
        done = self.faulty(100, 7000, 7006)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_objects_on_the_same_place_are_found(self):
        done = self.faulty(7001, 7001, json_too=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("small, faulty: 1 stamp errors, the first in object 0", done.stderr)
        malloc, faulty = json.loads(done.stdout)["results"]
        self.assertEqual((malloc["stamp_errors"], faulty["stamp_errors"]), (0, 2))  # one in each of two runs

    def test_objects_that_overlap_are_found(self):
        done = self.faulty(7005, 7005)
        self.assertEqual(done.returncode, 1)
        self.assertIn("stamp errors, the first in object 0", done.stderr)

    def test_a_refusal_names_the_object(self):
        done = self.faulty(10, 7002, json_too=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("small, faulty: object 1 of 7002 bytes, aligned to 16, is refused", done.stderr)
        malloc, faulty = json.loads(done.stdout)["results"]
        self.assertEqual(malloc["stamp_errors"], 0, "the others go on")
        self.assertIsNone(faulty["stamp_errors"])
        self.assertIsNone(faulty["ns_per_event_min"])

    def test_a_crash_is_named(self):
        done = self.faulty(7004)
        self.assertEqual(done.returncode, 1)
        self.assertIn("small, faulty: killed by signal 6", done.stderr)

    def test_a_killed_child_is_named(self):
        trace = trace_writer.Trace()
        trace.free_rest([(trace.malloc(0, 7003), 0)])
        program = subprocess.Popen([PROGRAM, "replay", self.file(trace.bytes()), "--mode", "memory", "--rounds", "1", "--allocator",
                                    "malloc", "--preload", f"faulty={FAULTY_MALLOC}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stderr.close)
        for _ in range(600):  # the child that never returns is the one that has been there for long
            time.sleep(0.1)
            children = pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
            if children and self.waits_in_pause(children[0]):
                self.assertEqual(pathlib.Path(f"/proc/{children[0]}/comm").read_text(), "tarn\n")
                os.kill(int(children[0]), signal.SIGKILL)
                break
        _, errors = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 1)
        self.assertIn("small, faulty: killed by signal 9", errors)

    @staticmethod
    def waits_in_pause(pid):
        try:
            return (pathlib.Path("/proc") / pid / "syscall").read_text().split()[0] == "34"  # pause on x86-64
        except OSError:
            return False

    def test_a_child_does_not_outlive_the_program(self):
        trace = trace_writer.Trace()
        trace.free_rest([(trace.malloc(0, 7003), 0)])
        program = subprocess.Popen([PROGRAM, "replay", self.file(trace.bytes()), "--mode", "memory", "--allocator", "malloc",
                                    "--preload", f"faulty={FAULTY_MALLOC}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child = None
        for _ in range(600):
            time.sleep(0.1)
            children = pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
            if children and self.waits_in_pause(children[0]):
                child = children[0]
                break
        self.assertIsNotNone(child)
        program.kill()
        program.wait()
        for _ in range(100):
            if not self.waits_in_pause(child):
                return
            time.sleep(0.1)
        self.fail("the child lives on")


class Bench(ProgramTest):
    """Every case runs, with the shortest samples, and gives a figure for every contestant."""

    def bench(self, *arguments, peers="tarn,malloc"):
        done = run("bench", "--json", "--rounds", 1, "--sample-us", 10, "--peer", peers, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def rows(self, all_, case, size=None):
        return {row["peer"]: row for row in all_["results"] if row["case"] == case and row["size"] == size}

    def assert_figures(self, all_):
        for row in all_["results"]:
            with self.subTest(case=row["case"], peer=row["peer"], size=row["size"]):
                self.assertEqual(list(row)[:7], BENCH_FIELDS)
                self.assertTrue(0 < row["ns_min"] <= row["ns_median"])
                self.assertIsInstance(row["unsteady"], bool)

    def test_pair(self):
        all_ = self.bench("--case", "pair")
        self.assertEqual(sorted(all_), ["results", "run", "tarn"])
        self.assert_figures(all_)
        sizes = {row["size"] for row in all_["results"]}
        self.assertEqual(len(sizes), 14)
        self.assertEqual((min(sizes), max(sizes)), (16, 4 << 20))
        for part in ("", "/memory", "/shared", "/touched", "/memory/touched", "/shared/touched"):
            for size in sizes:
                rows = self.rows(all_, "pair" + part, size)
                self.assertEqual(list(rows), ["tarn", "floor", "malloc"])
                self.assertEqual(rows["malloc"]["ratio_to_best_peer"], 1)
                self.assertEqual(rows["floor"]["ratio_to_floor"], 1)
                self.assertAlmostEqual(rows["tarn"]["ratio_to_best_peer"],
                                       rows["tarn"]["ns_median"] / rows["malloc"]["ns_median"])
                self.assertAlmostEqual(rows["tarn"]["ratio_to_floor"],
                                       rows["tarn"]["ns_median"] / rows["floor"]["ns_median"])
        self.assertEqual(list(self.rows(all_, "pair/resource", 16)),
                         ["tarn", "floor", "pmr::synchronized_pool", "pmr::unsynchronized_pool"])

    def test_cases_that_take_memory(self):
        all_ = self.bench("--case", "burst,window,large-window,two,many,cross,ping-pong,churn")
        self.assert_figures(all_)
        sizes = {"burst": [256, 16384], "window": [None], "large-window": [None], "many": [None], "churn": [None],
                 "two": [64, 1024, 16384, 262144], "cross": [1024, 16384, 262144], "ping-pong": [1024, 16384]}
        for case, its in sizes.items():
            for part in ("", "/buffer"):
                for size in its:
                    self.assertEqual(list(self.rows(all_, case + part, size)), ["tarn", "floor", "malloc"], case)

    def test_recycler(self):
        all_ = self.bench("--case", "recycler")
        self.assert_figures(all_)
        for part in ("", "/owned", "/unguarded", "/pinned", "/shared"):
            self.assertEqual(list(self.rows(all_, "recycler" + part)),
                             ["tarn", "floor", "vector stack", "exchange", "malloc"])
        ring = self.rows(all_, "recycler/ring")
        self.assertEqual(list(ring), ["tarn", "floor", "malloc"])
        self.assertTrue(0 < ring["tarn"]["objects_created"] <= 3 * 1024 + 4096)
        self.assertIsNone(ring["malloc"]["objects_created"])

    def test_bytebuf(self):
        all_ = self.bench("--case", "bytebuf")
        self.assert_figures(all_)
        for part, size, peers in (("u32", None, ["tarn", "floor"]), ("u32/array", None, ["tarn", "floor"]),
                                  ("slice", None, ["tarn", "floor"]),
                                  ("share", None, ["tarn", "floor", "std::shared_ptr", "shared_ptr, 4 words"]),
                                  ("index-of", 65536, ["tarn", "floor"]),
                                  ("create", 256, ["tarn", "floor", "malloc"]),
                                  ("create", 65536, ["tarn", "floor", "malloc"]),
                                  ("composite", 1024, ["tarn", "one ByteBuf", "floor"])):
            self.assertEqual(list(self.rows(all_, "bytebuf/" + part, size)), peers)

    @unittest.skipIf(shutil.which("zstd") is None, "no zstd command")
    def test_traces(self):
        for seed, name in ((1, "one"), (2, "two")):
            path = self.trace(seed, name + ".atrc", events=200, threads=2)
            subprocess.run(["zstd", "-q", "--rm", path], check=True)
        all_ = self.bench("--case", "traces", "--traces", self.folder)
        ways = [f"{mode}/{kind}/{threads}" for mode in ("memory", "buffer") for kind in ("direct", "heap")
                for threads in ("one", "recorded")]
        for way in ways:
            for trace in ("one", "two"):
                rows = self.rows(all_, f"traces/{trace}/{way}")
                self.assertEqual(list(rows), ["tarn", "malloc"])
                for row in rows.values():
                    self.assertTrue(0 < row["ns_min"] <= row["ns_median"])
                    self.assertGreaterEqual(row["peak_resident_bytes"], 0)
            mean = self.rows(all_, f"traces/geometric-mean/{way}")["tarn"]
            self.assertIsNone(mean["ns_median"])
            product = 1
            for trace in ("one", "two"):
                product *= self.rows(all_, f"traces/{trace}/{way}")["tarn"]["ratio_to_best_peer"]
            self.assertAlmostEqual(mean["ratio_to_best_peer"], product ** 0.5)
        done = run("bench", "--case", "traces", "--traces", self.folder, "--rounds", 1, "--peer", "tarn,malloc")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("traces: memory/direct/one; a pair of events: peak resident memory", done.stdout)

    @unittest.skipIf(shutil.which("zstd") is None, "no zstd command")
    def test_a_bad_trace_stops_all_before_anything_runs(self):
        self.trace(events=200)
        subprocess.run(["zstd", "-q", "--rm", self.folder / "small.atrc"], check=True)
        frame = self.folder / "small.atrc.zst"
        frame.write_bytes(frame.read_bytes()[:-20])
        library = next(pathlib.Path("/usr/lib").glob("*/libzstd.so.1"))  # of which each case says that it has no malloc
        done = self.assert_fails(2, [str(frame), "cut short"], "bench", "--case", "burst,traces", "--rounds", 1, "--sample-us", 10,
                                 "--peer", "tarn", "--traces", self.folder, "--preload", f"none={library}")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(done.stdout, "")

    def test_without_tarn_or_malloc_the_others_are_measured(self):
        all_ = self.bench("--case", "burst", peers="malloc")
        self.assertEqual({row["peer"] for row in all_["results"]}, {"floor", "malloc"})
        all_ = self.bench("--case", "burst", peers="tarn")
        self.assertEqual({row["peer"] for row in all_["results"]}, {"floor", "tarn"})
        self.assertTrue(all(row["ratio_to_best_peer"] is None for row in all_["results"]))

    def test_the_run_is_described(self):
        described = self.bench("--case", "burst")["run"]
        for name in ("processor", "kernel", "compiler", "build", "malloc", "rounds", "sample_us", "unsteady"):
            self.assertIn(name, described)

    def test_tables_for_people(self):
        done = run("bench", "--case", "pair", "--peer", "tarn,malloc", "--rounds", 1, "--sample-us", 10)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words in ("pair: ", "pair/touched: ", "x best peer", "x floor", "~: ", "\nbuild  ", "\nrounds  "):
            self.assertIn(words, done.stdout)

    @unittest.skipIf(SANITIZED, "a sanitizer's malloc stands before any other")
    def test_peers_that_are_not_what_they_should_be(self):
        done = run("bench", "--case", "pair", "--rounds", 1, "--sample-us", 10, "--peer", "tarn",
                   "--preload", "none=/usr/lib/x86_64-linux-gnu/libz.so.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("pair 16, none: malloc of", done.stderr)

    def test_the_progress_bar_is_for_terminals(self):
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        done = subprocess.run([PROGRAM, "bench", "--case", "pair", "--rounds", "1", "--sample-us", "10", "--peer", "tarn"],
                              stdout=subprocess.PIPE, stderr=its, stdin=subprocess.DEVNULL, text=True, check=False)
        os.close(its)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"pair 16, tarn, round 1 of 1", os.read(ours, 1 << 16))


class Child(ProgramTest):
    def test_the_hidden_word_without_a_block_is_an_error(self):
        self.assert_fails(1, "no block", "--child-process", "replay", close_fds=True)
        self.assert_fails(2, "no work is called 'x'", "--child-process", "x")


if __name__ == "__main__":
    unittest.main()
