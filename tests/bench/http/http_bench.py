"""CPU time of a request: the service, its bound, and what else one would use for the job.

    ./dev bench http                 everything, within 5 minutes
    ./dev bench http lz4 gzip 1400   rows by the start of their name, and by size: 1400, 64k, 1m
    ./dev bench http --smoke         one short slice of a few rows, the service and its floor alone
    ./dev bench http --text NAME     another file of the corpus than gsoc-2018.json (JSON with prose
                                     in it), of 1 MiB: citm_catalog.json is mostly structure

One core serves, the other runs wrk (-t1 -c32, keep-alive). In turns of one second each, again and
again until the time is used up; a figure is the median of its slices, a ratio the median of the
rounds' ratios, since the machine's speed changes from one round to the next. CPU time is what the kernel
counts for all threads of a server, read again and again under load: the slope of a line through CPU
time over requests (load.lua). bound = floor + codec: a bare epoll server that reads the same request
and writes as many bytes, and the codec alone in a process on the same core. Alone, a codec has the
caches and learns the branches of its one body; so, up to 64 KiB, the same bare server with the codec
in it stands beside: what nothing but HTTP, limits, pools and statistics could be added to.
Every answer is decoded by the public tool and compared before anything is timed.
A line of JSON for each run goes to build/bench/http_history.jsonl.
"""

import argparse
import datetime
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.dont_write_bytecode = True
import rows  # noqa: E402
import servers  # noqa: E402
from servers import HERE, on_core  # noqa: E402

SOURCE = HERE.parents[2]
TIME_LIMIT_S = 285
CODEC_SLICE_MS = 100
CONNECTIONS = 32


def post(address, path, body, fields):
    """One request with Python's own client; returns the answer's body, as it came."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("POST", path, body, fields)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {data[:200]!r}")
        return data
    finally:
        connection.close()


class Contender:
    """One server (or the codec alone) at one row, and its slices."""

    def __init__(self, row, name):
        self.row = row
        self.name = name
        self.us = []
        self.seconds = 1 if row.size < 1 << 20 else 2  # of a slice
        self.bytes_out = None

    def result(self):
        return statistics.median(self.us)


class HttpContender(Contender):
    def __init__(self, row, name, server, path, post_file, fields):
        super().__init__(row, name)
        self.server = server
        self.path = path
        self.post_file = post_file
        self.fields = fields
        self.requests = 0

    def verify(self, expected):
        """`expected` says whether a body is right. Asks often enough to make the server warm."""
        body = self.post_file.read_bytes()
        for _ in range(20):
            try:
                answer = post(self.server.address, self.path, body, self.fields)
            except (OSError, http.client.HTTPException) as error:
                raise RuntimeError(f"{self.name} {self.row.label}: {error!r}") from error
            if not expected(answer):
                raise RuntimeError(f"{self.name} {self.row.label}: a wrong answer")
        self.bytes_out = len(answer)

    def slice(self, cores, seconds):
        every = CONNECTIONS * max(1, 62_500 // (self.row.size + 1000))
        host, port = self.server.address
        fields = ";".join(f"{name}:{value}" for name, value in self.fields.items()) or "-"
        with on_core(cores[0]):
            done = subprocess.run(
                ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "60s", "-s", str(HERE / "load.lua"),
                 f"http://{host}:{port}{self.path}", "--", str(self.post_file), str(every), fields,
                 *self.server.clock_files()], check=True, stdout=subprocess.PIPE, text=True)
        line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
        _, requests, ns, errors = line.split()
        if int(errors):
            raise RuntimeError(f"{self.name} {self.row.label}: errors under load\n{done.stdout}")
        if int(requests) > 0:  # else there were too few readings for a line
            self.us.append(float(ns) / 1000)
            self.requests += int(requests)
        return bool(self.us)


class CodecContender(Contender):
    def __init__(self, row, binary, post_file):
        super().__init__(row, "codec")
        self.command = [str(binary), row.direction, row.coding, str(row.level), str(post_file),
                        str(CODEC_SLICE_MS)]

    def slice(self, cores, seconds):
        if self.row.coding == "identity":
            self.us.append(0.0)
            return True
        with on_core(cores[1]):
            done = subprocess.run(self.command, check=True, stdout=subprocess.PIPE, text=True)
        ns, size = done.stdout.split()
        self.us.append(float(ns) / 1000)
        self.bytes_out = int(size)
        return True


class Bench:
    def __init__(self, binary, selected, smoke, text, folder):
        self.folder = folder
        self.smoke = smoke
        self.rows = selected
        self.cores = sorted(os.sched_getaffinity(0))[:2] * 2
        self.servers = {}
        self.binary = binary
        self.whole = rows.payload(text)

    def start(self, names):
        """Starts what the rows need; says what is left out for want of a package."""
        text_file = self.folder / "payload"
        text_file.write_bytes(self.whole)
        core, tools = self.cores[1], self.binary.parent
        self.servers["frdpu"] = servers.Frdpu(core, self.binary)
        self.servers["floor"] = servers.floor(core, tools / "floor_server", text_file)
        if "nginx" in names and self.found("nginx", servers.NGINX_ECHO_MODULE.exists()):
            self.servers["nginx"] = servers.nginx(core, self.folder, self.whole[:1400])
        if "haproxy" in names and self.found("haproxy"):
            # On the load's core: a backend's CPU time is not HAProxy's.
            backend = servers.floor(self.cores[0], tools / "floor_server", text_file)
            self.servers["haproxy's backend"] = backend
            self.servers["haproxy"] = servers.haproxy(core, self.folder, backend.address)
        if "node" in names and self.found("node"):
            self.servers["node"] = servers.node(core)
        if "go" in names and self.found("go", (servers.GO_PATH / "src").exists()):
            self.servers["go"] = servers.go(core, servers.build_go(tools.parent / "bench"))

    def found(self, tool, more=True):
        if shutil.which(tool) and more:
            return True
        print(f"left out: {tool} (not installed)")
        return False

    def stop(self):
        for server in reversed(self.servers.values()):
            server.stop()

    def contenders_of(self, row):
        post_file = self.folder / f"{row.direction}-{row.coding}-{row.size}"
        post_file.write_bytes(row.posted(self.whole))
        right = lambda answer: row.is_right(answer, self.whole)  # noqa: E731

        ours = HttpContender(row, "frdpu", self.servers["frdpu"], row.target(), post_file, {})
        ours.verify(right)
        size = ours.bytes_out
        floor = HttpContender(row, "floor", self.servers["floor"], f"/{size}", post_file, {})
        floor.verify(lambda answer: answer == self.whole[:size])
        found = [ours, floor, CodecContender(row, self.binary.parent / "codec_time", post_file)]
        if row.coding != "identity" and row.size <= 1 << 16:
            bare = servers.floor(self.cores[1], self.binary.parent / "floor_server", post_file,
                                 row.direction, row.coding, row.level)
            self.servers[f"bare {row.label}"] = bare
            found.append(HttpContender(row, "bare", bare, "/", post_file, {}))
            found[-1].verify(right)
        for name, server, path in row.rivals() if not self.smoke else ():
            if server not in self.servers:
                continue
            fields = {"Accept-Encoding": "gzip"} if server in ("nginx", "haproxy") else {}
            rival = HttpContender(row, name, self.servers[server], path, post_file, fields)
            rival.verify(right)
            found.append(rival)
        return found

    def run(self):
        started = time.monotonic()
        self.start(set() if self.smoke else {server for row in self.rows
                                             for _, server, _ in row.rivals()})
        by_row = {row: self.contenders_of(row) for row in self.rows}
        everyone = [contender for found in by_row.values() for contender in found]
        rounds = 0
        while True:
            round_started = time.monotonic()
            for contender in everyone:
                while not contender.slice(self.cores, contender.seconds):
                    contender.seconds += 1  # too slow, or the machine too busy, for a short slice
                    if contender.seconds > 12:
                        raise RuntimeError(f"{contender.name} {contender.row.label} gets nowhere")
            rounds += 1
            now = time.monotonic()
            if self.smoke or rounds == 9 or 2 * now - round_started - started > TIME_LIMIT_S:
                return by_row, rounds


def paired(contenders):
    """Returns `beside` of a row: rows.goals says what that is."""
    slices = {contender.name: contender.us for contender in contenders}

    def beside(*names):
        rounds = zip(slices["frdpu"], *(slices[name] for name in names))
        return statistics.median(ours / sum(theirs) for ours, *theirs in rounds)

    return beside


def print_table(by_row):
    """Prints the table in Markdown; returns it as data, and whether all goals were met."""
    print("| body | row | frdpu us | floor + codec | x bound | x bare | rivals us | goals |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | --- | --- |")
    figures = []
    for row, contenders in by_row.items():
        us = {contender.name: contender.result() for contender in contenders}
        bytes_out = {contender.name: contender.bytes_out for contender in contenders}
        others = [name for name in us if name not in ("frdpu", "floor", "codec", "bare")]
        beside = paired(contenders)
        bare = f"{beside('bare'):.2f}" if "bare" in us else ""
        judged = list(rows.goals(row, us, bytes_out, beside))
        said = ", ".join(f"{value:.2f}x {what} ({'met' if value <= goal else 'MISSED'}: {goal})"
                         for what, value, goal in judged[1:])
        bound = judged[0]
        print(f"| {row.size} | {row.name} | {us['frdpu']:.1f} | {us['floor']:.1f} + "
              f"{us['codec']:.1f} | {bound[1]:.2f}{'' if bound[1] <= bound[2] else ' MISSED'} | {bare} | "
              + ", ".join(f"{name} {us[name]:.1f}" for name in others) + f" | {said} |")
        figures.append({"row": row.name, "size": row.size,
                        "us": {name: round(value, 2) for name, value in us.items()},
                        "bytes_out": bytes_out,
                        "goals": [{"of": what, "ratio": round(value, 3), "goal": goal}
                                  for what, value, goal in judged]})
    return figures


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")),
                     "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": os.uname().release,
            "load": [round(load, 1) for load in os.getloadavg()]}


def append_history(figures, rounds, text, folder):
    commit = subprocess.run(["git", "-C", str(SOURCE), "describe", "--always", "--dirty"],
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    record = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "commit": commit, "machine": machine(), "text": text, "rounds": rounds,
              "rows": figures}
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "http_history.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench http")
    parser.add_argument("binary", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("rows", nargs="*", help="start of a row's name, or 1400, 64k, 1m")
    parser.add_argument("--smoke", action="store_true", help="a few seconds, without rivals")
    parser.add_argument("--text", default="gsoc-2018.json", help="a file of the corpus")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        print("skipped: wrk is not installed")
        return
    selected = rows.select(options.rows or (["lz4", "gunzip", "1400", "64k"] if options.smoke else []))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.binary.resolve(), selected, options.smoke, options.text,
                      pathlib.Path(folder))
        load = os.getloadavg()[0]
        print(f"{machine()['cpu']}, {os.cpu_count()} cores, load average before: {load:.1f}")
        try:
            by_row, rounds = bench.run()
        finally:
            bench.stop()
    print(f"CPU us a request, medians of {rounds} slices")
    figures = print_table(by_row)
    if not options.smoke:
        append_history(figures, rounds, options.text,
                       options.binary.resolve().parent.parent / "bench")


if __name__ == "__main__":
    main()
