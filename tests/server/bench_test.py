#!/usr/bin/env python3
"""`frdpu bench` from outside. What it says of sizes is held against the other commands and the
service; of its speeds only that there are some."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.service import TestCase  # noqa: E402

HEAD = ["file", "coding", "level", "bytes_in", "bytes_out", "ratio", "compress_MB/s",
        "decompress_MB/s"]
DEFAULT_LEVELS = {coding.name: coding.default_level for coding in codings.CODINGS.values()}


def frdpu(*arguments, data=b"", **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
    return subprocess.run([service.binary, *map(str, arguments)], input=data, capture_output=True,
                          timeout=240, env=env, check=False, **more)


def bench(*arguments, **more):
    """As quick as it gets: one pass in each direction."""
    return frdpu("bench", "--seconds", 0, *arguments, **more)


class BenchTest(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def assert_status(self, done, status):
        self.assertEqual(done.returncode, status, done.stderr.decode(errors="replace"))

    def assert_one_line(self, done, status, *parts):
        self.assert_status(done, status)
        message = done.stderr.decode()
        self.assertRegex(message, r"\Afrdpu: [^\n]+\n\Z")
        for part in parts:
            self.assertIn(part, message)

    def table(self, done):
        """The rows as dicts."""
        head, *rows = [line.split() for line in done.stdout.decode().splitlines()]
        self.assertEqual(head, HEAD)
        return [dict(zip(HEAD, row, strict=True)) for row in rows]

    def assert_plausible(self, row):
        """Its columns agree with each other, and there are speeds."""
        ratio = int(row["bytes_in"]) / int(row["bytes_out"])
        self.assertEqual(row["ratio"], f"{ratio:.3f}")
        self.assertGreater(float(row["compress_MB/s"]), 0)
        self.assertGreater(float(row["decompress_MB/s"]), 0)

    def test_sizes_are_those_of_compress(self):
        data = codings.text(300_000)
        path = self.file("data", data)
        done = bench(path)
        self.assert_status(done, 0)
        self.assertEqual(done.stderr, b"")
        rows = self.table(done)
        self.assertEqual({row["coding"]: int(row["level"]) for row in rows}, DEFAULT_LEVELS)
        for row in rows:
            with self.case(coding=row["coding"]):
                made = frdpu("compress", "-c", "--coding", row["coding"], path).stdout
                self.assertEqual(row["file"], path)
                self.assertEqual(int(row["bytes_in"]), len(data))
                self.assertEqual(int(row["bytes_out"]), len(made))
                self.assert_plausible(row)

    def test_sizes_of_small_payloads_are_those_of_the_service(self):
        data = codings.text(10_500) + codings.random_bytes(3000)
        path = self.file("data", data)
        server = service.Service()
        self.addCleanup(server.kill)
        for coding in codings.CODINGS:
            for block in (1000, 65536):
                with self.case(coding=coding, block=block), server.connect() as connection:
                    done = bench("--coding", coding, "--block", block, "--json", path)
                    self.assert_status(done, 0)
                    pieces = [data[i:i + block] for i in range(0, len(data), block)]
                    answers = [connection.request("POST", f"/v1/compress?coding={coding}", piece)
                               for piece in pieces]
                    row, = json.loads(done.stdout)["rows"]
                    self.assertEqual(row["frames"], len(pieces))
                    self.assertEqual(row["output_bytes"],
                                     sum(len(answer.body) for answer in answers))
        server.stop()

    def test_files_and_codings_are_rows_in_the_order_they_were_named(self):
        one = self.file("one", codings.text(70_000))
        two = self.file("two", codings.text(500))
        rows = self.table(bench("--coding", "br", "--coding", "identity", one, two))
        self.assertEqual([(row["file"], row["coding"]) for row in rows],
                         [(one, "br"), (one, "identity"), (two, "br"), (two, "identity")])
        self.assertEqual([row["ratio"] for row in rows[1::2]], ["1.000", "1.000"])

    def test_levels_are_those_that_were_asked_for(self):
        path = self.file("data", codings.text(100_000))
        rows = {level: self.table(bench("--level", level, path)) for level in (1, 9)}
        for first, last in zip(*rows.values(), strict=True):
            with self.case(coding=first["coding"]):
                self.assertEqual((first["level"], last["level"]), ("1", "9"))
                self.assertLess(int(last["bytes_out"]), int(first["bytes_out"]))

    def test_json_is_one_document_with_settings_and_rows(self):
        path = self.file("data", codings.text(5000))
        done = frdpu("bench", "--json", "--seconds", "0.02", "--block", "2k", "--coding", "gzip",
                     path, os.path.join(self.folder, "none"), path)
        self.assert_one_line(done, 1, "none: No such file")
        document = json.loads(done.stdout)
        self.assertEqual((document["seconds"], document["block_bytes"]), (0.02, 2048))
        self.assertIsNone(document["dictionary_id"])
        self.assertEqual(len(document["rows"]), 2)
        for row in document["rows"]:
            self.assertEqual((row["file"], row["coding"], row["level"], row["frames"]),
                             (path, "gzip", 6, 3))
            self.assertEqual(row["input_bytes"], 5000)
            self.assertAlmostEqual(row["ratio"], 5000 / row["output_bytes"])
            for direction in ("compress", "decompress"):
                self.assertGreater(row[direction + "_bytes_per_second"], 0)
                self.assertGreater(row[direction + "_runs"], 0)

    def test_dictionaries_are_used_by_the_codings_that_take_one(self):
        records = [json.dumps({"id": i, "user": f"user{i * 7919 % 1000}", "active": i % 3 == 0,
                               "path": f"/api/v2/users/{i * 31 % 5000}/sessions"}).encode()
                   for i in range(200)]
        path = self.file("data", b"".join(records[:40]))
        samples = [self.file(f"sample{i}", record) for i, record in enumerate(records)]
        dictionary = os.path.join(self.folder, "dictionary")
        self.assert_status(frdpu("train", "-o", dictionary, "--size", "4k", *samples), 0)
        plain = {row["coding"]: row for row in self.table(bench("--block", 100, path))}
        done = bench("--block", 100, "--dictionary", dictionary, path)
        self.assert_status(done, 0)
        rows = {row["coding"]: row for row in self.table(done)}
        self.assertEqual(set(rows), {"zstd", "lz4"})
        for coding, row in rows.items():
            self.assertLess(int(row["bytes_out"]), int(plain[coding]["bytes_out"]))
        with open(dictionary, "rb") as file:
            number = int.from_bytes(file.read(8)[4:], "little")
        document = json.loads(bench("--json", "--dictionary", dictionary, path).stdout)
        self.assertEqual(document["dictionary_id"], number)
        self.assert_one_line(bench("--coding", "gzip", "--dictionary", dictionary, path), 2,
                             "--dictionary: only zstd and lz4")

    def test_standard_input_is_a_file(self):
        done = bench("--coding", "lz4", "--json", "-", data=codings.text(200_000))
        row, = json.loads(done.stdout)["rows"]
        self.assertEqual((row["file"], row["input_bytes"]), ("standard input", 200_000))

    def test_what_cannot_be_measured_is_named_and_the_rest_goes_on(self):
        good = self.file("good", codings.text(1000))
        empty = self.file("empty", b"")
        for bad, part in ((os.path.join(self.folder, "none"), "none: No such file"),
                          (self.folder, "is a directory"), (empty, "empty is empty")):
            with self.case(bad=bad):
                done = bench("--coding", "lz4", bad, good)
                self.assert_one_line(done, 1, part)
                row, = self.table(done)
                self.assertEqual(row["file"], good)
                self.assertEqual(bench(bad).stdout, b"")

    def test_files_that_memory_is_too_small_for_are_refused(self):
        path = self.file("large", b"")
        os.truncate(path, 1 << 42)
        self.assert_one_line(bench(path), 1, "large: more than ", "the memory of the ")
        if service.SANITIZED:  # sanitizers need terabytes of addresses
            return
        os.truncate(path, 1 << 30)
        limit = 1 << 30

        def little_memory():
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        done = bench(path, preexec_fn=little_memory)
        self.assert_one_line(done, 1, "large", "memory")

    def test_a_full_disk_is_an_error(self):
        path = self.file("data", codings.text(1000))
        for flags in ((), ("--json",)):
            with self.case(flags=flags), open("/dev/full", "wb") as full:
                done = subprocess.run([service.binary, "bench", "--seconds", "0", *flags, path],
                                      stdout=full, stderr=subprocess.PIPE, check=False)
                self.assert_one_line(done, 1, "standard output", "space")

    def test_an_interrupted_run_ends_by_the_signal_with_whole_rows(self):
        path = self.file("data", codings.text(1000))
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.case(signal=number):
                command = [service.binary, "bench", "--seconds", "0.01", *[path] * 9999]
                with subprocess.Popen(command, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) as process:
                    shown = process.stdout.readline() + process.stdout.readline()
                    process.send_signal(number)
                    rest, message = process.communicate(timeout=service.TIMEOUT)
                self.assertEqual(process.returncode, -number)
                self.assertEqual(message, b"")
                for line in (shown + rest).splitlines(keepends=True):
                    self.assertTrue(line.endswith(b"\n"))
                    self.assertEqual(len(line.split()), len(HEAD))

    def test_wrong_usage_is_one_line_and_status_2(self):
        path = self.file("data", b"data")
        for arguments, part in (
                ([], "FILE"), (["--coding", "rar", path], "--coding: 'rar'"),
                (["--level", "10", path], "--level: 10 is not in 1 to 9, the levels of "),
                (["--level", "19", "--coding", "zstd", "--coding", "br", path], "0 to 11"),
                (["--level", "-1", path], "--level: -1"), (["--level", "high", path], "--level"),
                (["--block", "0", path], "--block: 0"),
                (["--block", "big", path], "--block: 'big'"),
                (["--window", "1k", path], "--window")):
            with self.case(arguments=arguments):
                done = bench(*arguments)
                self.assert_one_line(done, 2, part)
                self.assertEqual(done.stdout, b"")
        for seconds in ("-1", "nan", "3601", "soon"):
            with self.case(seconds=seconds):
                self.assert_one_line(frdpu("bench", "--seconds", seconds, path), 2, "--seconds")


if __name__ == "__main__":
    service.main()
