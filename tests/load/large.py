"""A 1 GiB chunked upload: CPU against its bound, memory, and several cores on one body."""

import os
import pathlib
import subprocess
import sys
import time

from load import clients
from support import codings, service

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench" / "http"))
import servers  # noqa: E402

UNIT = 64 << 20
UNITS = 16
CODINGS = [("lz4", 1), ("zstd", 1), ("gzip", 1)]
SPLIT = [("gzip", 6), ("zstd", 9)]
SPLIT_UNITS = 4


class Upload:
    """What `curl -T -` sends and what came back."""

    def __init__(self, address, target, unit, units, fields=()):
        url = f"http://{address[0]}:{address[1]}{target}"
        self.process = subprocess.Popen(
            ["curl", "-sS", "-X", "POST", "-T", "-", "-H", "Expect:", *fields, "-o", "/dev/null",
             "-w", "%{http_code} %{size_download}", url], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=False)
        self.unit, self.units = unit, units

    def run(self, after_each=lambda: None):
        started = time.monotonic()
        for _ in range(self.units):
            self.process.stdin.write(self.unit)
            after_each()
        out, _ = self.process.communicate()
        status, size = out.decode().split()
        if status != "200":
            raise RuntimeError(f"upload: {status}")
        return time.monotonic() - started, int(size)


class Bound:
    """What one unit after the other costs the bare floor and the codec alone, in CPU seconds.

    Measured between the units of the upload, since a machine can change its own speed by half.
    """

    def __init__(self, floor, tools, coding, level, folder, cores):
        self.floor, self.tools, self.coding, self.level = floor, tools, coding, level
        self.body, self.cores = folder / "unit", cores
        self.unit = self.body.read_bytes()
        self.bare = self.codec = 0

    def add_unit(self):
        with servers.on_core(self.cores[1]):
            # In blocks as a stream has them; once to warm up, once for the clock.
            said = subprocess.run([self.tools / "codec_time", "compress", self.coding,
                                   str(self.level), self.body, "0"], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout.split()
        self.codec += float(said[0]) / 1e9
        # As much in, as much out, in as many requests as the buffer of the floor holds.
        before = clients.cpu_seconds(self.floor.process.pid)
        with servers.on_core(self.cores[0]):
            Upload(self.floor.address, f"/{said[1]}", self.unit, 1,
                   ["-H", f"Content-Length: {len(self.unit)}"]).run()
        self.bare += clients.cpu_seconds(self.floor.process.pid) - before


def bound_rows(tools, folder, unit, cores):
    floor = servers.floor(cores[1], tools / "floor_server", folder / "unit")
    try:
        for coding, level in CODINGS:
            bound = Bound(floor, tools, coding, level, folder, cores)
            peaks = []

            def between():
                peaks.append(running.status("VmHWM"))
                bound.add_unit()

            with servers.on_core(cores[1]):
                running = service.Service(threads=1, compute_threads=1, access_log_sample=0,
                                          max_body_bytes=0)
            with running, servers.on_core(cores[0]):
                before = clients.cpu_seconds(running.pid)
                Upload(running.address, f"/v1/compress?coding={coding}&level={level}", unit,
                       UNITS).run(between)
                spent = clients.cpu_seconds(running.pid) - before
            least = bound.bare + bound.codec
            yield f"{coding} {level}: CPU s of {UNITS * len(unit) >> 20} MiB", spent, None
            yield (f"{coding} {level}: floor + codec, s ({bound.bare:.2f} + {bound.codec:.2f})", least,
                   None)
            yield f"{coding} {level}: x bound", spent / least, 1.15
            yield (f"{coding} {level}: memory grown after the first {len(unit) >> 20} MiB, MiB",
                   (peaks[-1] - peaks[1]) / (1 << 20), 2)
    finally:
        floor.stop()


def split_rows(unit, cores):
    with service.Service(threads=len(cores), compute_threads=len(cores), access_log_sample=0,
                         max_body_bytes=0) as running:
        for coding, level in SPLIT:
            target = f"/v1/compress?coding={coding}&level={level}"
            found = {}
            for query in ("", "&split=1048576"):
                seconds, sizes = [], set()
                for _ in range(3):
                    taken, size = Upload(running.address, target + query, unit, SPLIT_UNITS).run()
                    seconds.append(taken)
                    sizes.add(size)
                found[query] = (sorted(seconds)[1], sizes.pop())
            alone, split = found.values()
            yield f"{coding} {level}, 256 MiB alone, s", alone[0], None
            yield f"{coding} {level}, 256 MiB split: slower than 1/1.6 by", (
                split[0] / alone[0] * 1.6), 1.0
            yield f"{coding} {level}, 256 MiB split: speed-up {alone[0] / split[0]:.2f}, size", (
                split[1] / alone[1]), None


def run(folder):
    folder = pathlib.Path(folder)
    tools = pathlib.Path(service.binary).resolve().parent
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        print("left out: large bodies (one core)")
        return
    # All of the corpus: its period of 10 MB is beyond every window.
    files = sorted(pathlib.Path(codings.CORPUS).glob("*"))
    text = b"".join(file.read_bytes() for file in files) or codings.text(10 << 20)
    unit = (text * (UNIT // len(text) + 1))[:UNIT]
    (folder / "unit").write_bytes(unit)
    yield from bound_rows(tools, folder, unit, cores)
    yield from split_rows(unit, cores)
