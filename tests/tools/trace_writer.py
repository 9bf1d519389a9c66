# SPDX-License-Identifier: Apache-2.0
"""Writes small ATRC traces for the tests of the program."""
import random
import struct
import zlib


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Trace:
    """Calls in order; bytes() is the bare trace."""

    def __init__(self):
        self.payload, self.sizes, self.live = bytearray(), [], 0
        self.events = self.threads = self.peak = self.prologue = self.epilogue = 0

    def _event(self, thread, op, *operands, time=0):
        self.payload += b"".join(map(varint, (thread * 8 + op, *operands, time)))
        self.threads = max(self.threads, thread + 1)
        self.events += 1

    def _begin(self, size):
        self.sizes.append(size)
        self.live += size
        self.peak = max(self.peak, self.live)
        return len(self.sizes) - 1

    def malloc(self, thread, size):
        self._event(thread, 0, size)
        return self._begin(size)

    def calloc(self, thread, size):
        self._event(thread, 1, size)
        return self._begin(size)

    def memalign(self, thread, log2, size):
        self._event(thread, 2, log2, size)
        return self._begin(size)

    def realloc(self, thread, object_id, size):
        self._event(thread, 3, len(self.sizes) - 1 - object_id, size)
        self.live -= self.sizes[object_id]
        return self._begin(size)

    def free(self, thread, object_id):
        self._event(thread, 4, len(self.sizes) - 1 - object_id)
        self.live -= self.sizes[object_id]

    def end_prologue(self):
        self.prologue = self.events

    def free_rest(self, live):
        """The epilogue: `live` is a list of (object, thread), oldest first."""
        self.epilogue = len(live)
        for object_id, thread in live:
            self.free(thread, object_id)

    def bytes(self, program=b"test", workload=b"made up"):
        texts = struct.pack("<H", len(program)) + program + struct.pack("<H", len(workload)) + workload
        header = b"ATRC" + struct.pack("<HHIIQQQQQQQII", 1, 80 + len(texts), self.threads, 0, len(self.sizes), self.events,
                                       self.prologue, self.epilogue, self.peak, 0, len(self.payload),
                                       zlib.crc32(bytes(self.payload)), 0)
        return header + texts + bytes(self.payload)


def random_trace(seed, threads=1, events=4000, max_size=20000):
    """Every call there is, by several threads, across threads, with a prologue and an epilogue."""
    rng, trace, live, seen = random.Random(seed), Trace(), [], 0

    def any_thread():
        nonlocal seen
        thread = rng.randrange(min(seen + 1, threads))
        seen = max(seen, thread + 1)
        return thread

    def allocate():
        thread = any_thread()
        size = rng.choice((rng.randrange(20), rng.randrange(300), rng.randrange(max_size)))
        kind = rng.randrange(4)
        if kind == 0:
            made = trace.calloc(thread, size)
        elif kind == 1:
            made = trace.memalign(thread, rng.randrange(11), size)
        else:
            made = trace.malloc(thread, size)
        live.append((made, thread))

    for _ in range(events // 20):
        allocate()
    trace.end_prologue()
    for _ in range(events):
        if not live or rng.random() < 0.5:
            allocate()
            continue
        victim, _ = live.pop(rng.randrange(len(live)))
        thread = any_thread()
        if rng.random() < 0.2:
            live.append((trace.realloc(thread, victim, rng.randrange(max_size)), thread))
        else:
            trace.free(thread, victim)
    trace.free_rest(live)
    return trace
