"""Black-box tests of the command line: `cli_test.py FRDPU [CORPUS] [unittest arguments]`.

The public tools (gzip, zstd, lz4, brotli, python's zlib) are the judges, in both directions.
FRDPU_LONG_TESTS=1 adds a file of 1 GiB.
"""

import contextlib
import filecmp
import http.server
import json
import os
import pathlib
import pty
import random
import re
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib

FRDPU = ""
CORPUS = pathlib.Path()

SUFFIX = {"lz4": ".lz4", "zstd": ".zst", "gzip": ".gz", "deflate": ".zz", "br": ".br"}
LEVELS = {"lz4": (1, 9), "zstd": (1, 19), "gzip": (1, 9), "deflate": (1, 9), "br": (0, 11)}
# How a stranger decodes and encodes standard input.
TOOL_DECODE = {"lz4": ["lz4", "-dc"], "zstd": ["zstd", "-dcq"], "gzip": ["gzip", "-dc"],
               "br": ["brotli", "-dc"]}
TOOL_ENCODE = {"lz4": ["lz4", "-c"], "zstd": ["zstd", "-cq"], "gzip": ["gzip", "-c"],
               "br": ["brotli", "-c"]}


def clean_environment(**extra):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
    return environment | extra


def frdpu(*arguments, data=b"", env=None, **more):
    return subprocess.run([FRDPU, *map(str, arguments)], input=data, capture_output=True,
                          timeout=240, env=env or clean_environment(), **more)


def tool_decode(coding, data):
    if coding == "deflate":
        return zlib.decompress(data)
    return subprocess.run(TOOL_DECODE[coding], input=data, capture_output=True, check=True).stdout


def tool_encode(coding, data):
    if coding == "deflate":
        return zlib.compress(data)
    return subprocess.run(TOOL_ENCODE[coding], input=data, capture_output=True, check=True).stdout


def text_of(size, seed=1):
    """Bytes that compress about as well as text does, the same for the same seed."""
    source = random.Random(seed)
    words = [source.randbytes(source.randint(2, 9)) for _ in range(500)]
    made = b" ".join(source.choices(words, k=size // 3 + 1))
    return made[:size]


def payloads():
    """Name and bytes: every corpus file there is, and the sizes at which blocks end."""
    if CORPUS.is_dir():
        for file in sorted(CORPUS.iterdir()):
            yield file.name, file.read_bytes()
    for size in (0, 1, 1499, 1500, 1501, 65535, 65536, 65537, 300_000):
        yield f"text of {size}", text_of(size)
    yield "random", random.Random(7).randbytes(1 << 20)
    yield "zeros", bytes(8 << 20)


class CliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def names(self):
        return sorted(entry.name for entry in self.folder.iterdir())

    def assert_status(self, done, status):
        self.assertEqual(done.returncode, status, done.stderr.decode(errors="replace"))

    def assert_one_line(self, done, status, *parts):
        """It failed with this status, and says why in one line that holds the parts."""
        self.assert_status(done, status)
        message = done.stderr.decode()
        self.assertRegex(message, r"\Afrdpu: [^\n]+\n\Z")
        for part in parts:
            self.assertIn(part, message)


class RoundTripTest(CliTest):
    def test_tools_read_what_compress_writes_and_the_other_way_round(self):
        for coding in SUFFIX:
            for name, data in payloads():
                with self.subTest(coding=coding, payload=name):
                    made = frdpu("compress", "-c", "--coding", coding, data=data)
                    self.assert_status(made, 0)
                    self.assertEqual(tool_decode(coding, made.stdout), data)
                    back = frdpu("decompress", "-c", "--coding", coding,
                                 data=tool_encode(coding, data))
                    self.assert_status(back, 0)
                    self.assertEqual(back.stdout, data)

    def test_every_level_is_read_by_the_tool(self):
        data = text_of(200_000)
        for coding, (low, high) in LEVELS.items():
            for level in range(low, high + 1):
                with self.subTest(coding=coding, level=level):
                    made = frdpu("compress", "-c", "--coding", coding, "--level", level, data=data)
                    self.assert_status(made, 0)
                    self.assertLess(len(made.stdout), len(data))
                    self.assertEqual(tool_decode(coding, made.stdout), data)

    def test_windows_are_kept(self):
        data = text_of(300_000)
        for coding, window in (("lz4", "256"), ("lz4", "65535"), ("zstd", "1k"), ("zstd", "128m"),
                               ("gzip", "512"), ("deflate", "32k"), ("br", "1k"), ("br", "16m")):
            with self.subTest(coding=coding, window=window):
                made = frdpu("compress", "-c", "--coding", coding, "--window", window, data=data)
                self.assert_status(made, 0)
                self.assertEqual(tool_decode(coding, made.stdout), data)

    def test_a_known_size_stands_in_the_frame(self):
        path = self.file("data", text_of(100_000))
        self.assert_status(frdpu("compress", "--coding", "zstd", path), 0)
        listed = subprocess.run(["zstd", "-lv", f"{path}.zst"], capture_output=True, check=True)
        self.assertIn(b"100000", listed.stdout)
        self.assertIn(b"XXH64", listed.stdout)

    def test_frames_one_after_another_are_one_file(self):
        for coding in ("gzip", "zstd", "lz4"):
            with self.subTest(coding=coding):
                both = tool_encode(coding, b"one ") + tool_encode(coding, b"two")
                back = frdpu("decompress", "-c", data=both)
                self.assert_status(back, 0)
                self.assertEqual(back.stdout, b"one two")

    def test_64_mib_with_little_memory(self):
        path = self.file("large", b"")
        block = text_of(1 << 20)
        with path.open("wb") as file:
            for i in range(64):
                file.write(block[i:] + block[:i])
        self.assert_status(frdpu("compress", path), 0)
        self.assert_status(frdpu("decompress", f"{path}.lz4", "-o", self.folder / "back"), 0)
        self.assertTrue(filecmp.cmp(path, self.folder / "back", shallow=False))

    @unittest.skipUnless(os.environ.get("FRDPU_LONG_TESTS"), "FRDPU_LONG_TESTS is not set")
    def test_1_gib(self):
        path = self.file("large", b"")
        block = text_of(4 << 20)
        with path.open("wb") as file:
            for i in range(256):
                file.write(block[i:] + block[:i])
        for coding in SUFFIX:
            with self.subTest(coding=coding):
                level = {"br": 1}.get(coding, LEVELS[coding][0])
                self.assert_status(frdpu("compress", path, "--coding", coding, "--level", level), 0)
                made = f"{path}{SUFFIX[coding]}"
                self.assert_status(frdpu("decompress", made, "-o", self.folder / "back"), 0)
                self.assertTrue(filecmp.cmp(path, self.folder / "back", shallow=False))
                os.unlink(self.folder / "back")
                os.unlink(made)


class FileTest(CliTest):
    def test_results_stand_beside_their_source_which_stays(self):
        for coding, suffix in SUFFIX.items():
            with self.subTest(coding=coding):
                source = self.file("data", text_of(10_000))
                self.assert_status(frdpu("compress", source, "--coding", coding), 0)
                self.assertEqual(self.names(), ["data", "data" + suffix])
                source.unlink()
                self.assert_status(frdpu("decompress", f"{source}{suffix}"), 0)
                self.assertEqual(self.names(), ["data", "data" + suffix])
                self.assertEqual(source.read_bytes(), text_of(10_000))
                os.unlink(f"{source}{suffix}")

    def test_mode_and_time_are_those_of_the_source(self):
        source = self.file("data", b"x")
        source.chmod(0o640)
        os.utime(source, ns=(10**18, 10**18))
        self.assert_status(frdpu("compress", source), 0)
        info = os.stat(f"{source}.lz4")
        self.assertEqual(info.st_mode & 0o777, 0o640)
        self.assertEqual(info.st_mtime_ns, 10**18)

    def test_results_that_exist_stay_unless_forced(self):
        source = self.file("data", b"new")
        there = self.file("data.lz4", b"old")
        self.assert_one_line(frdpu("compress", source), 1, "data.lz4 exists", "-f")
        self.assertEqual(there.read_bytes(), b"old")
        self.assert_status(frdpu("compress", "-f", source), 0)
        self.assertEqual(tool_decode("lz4", there.read_bytes()), b"new")
        self.assertEqual(self.names(), ["data", "data.lz4"])

    def test_several_files_are_several_results(self):
        self.file("a", b"a")
        self.file("c", b"c")
        done = frdpu("compress", "a", "missing", "c", cwd=self.folder)
        self.assert_one_line(done, 1, "missing: No such file")
        self.assertEqual(self.names(), ["a", "a.lz4", "c", "c.lz4"])
        self.assert_one_line(frdpu("compress", "a", "c", "-o", "x", cwd=self.folder), 2, "-o")

    def test_the_name_of_the_result_stands_for_its_coding(self):
        source = self.file("data", b"x" * 1000)
        self.assert_status(frdpu("compress", source, "-o", self.folder / "out.gz"), 0)
        self.assertEqual(tool_decode("gzip", (self.folder / "out.gz").read_bytes()), b"x" * 1000)

    def test_standard_input_and_output(self):
        made = frdpu("compress", "-", "--coding", "gzip", data=b"abc")
        self.assertEqual(tool_decode("gzip", made.stdout), b"abc")
        self.assertEqual(frdpu("decompress", data=made.stdout).stdout, b"abc")
        self.assert_status(frdpu("compress", "-", "-o", self.folder / "x.zst", data=b"abc"), 0)
        self.assertEqual(frdpu("decompress", self.folder / "x.zst", "-c").stdout, b"abc")
        self.assertEqual(self.names(), ["x.zst"])

    def test_devices_are_written_to_and_never_replaced(self):
        source = self.file("data", text_of(100_000))
        self.assert_status(frdpu("compress", source, "-o", "/dev/null"), 0)
        self.assertFalse(os.path.isfile("/dev/null"))
        self.assert_one_line(frdpu("compress", source, "-o", "/dev/full"), 1, "/dev/full", "space")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([FRDPU, "compress", "-c", source], stdout=full,
                                  stderr=subprocess.PIPE, env=clean_environment(), check=False)
        self.assert_one_line(done, 1, "standard output", "space")

    def test_the_input_is_never_the_output(self):
        source = self.file("data.lz4", tool_encode("lz4", b"abc"))
        done = frdpu("decompress", "-f", source, "-o", source)
        self.assert_one_line(done, 1, "is the input itself")
        self.assertEqual(tool_decode("lz4", source.read_bytes()), b"abc")

    def test_directories_are_refused(self):
        self.assert_one_line(frdpu("compress", self.folder), 1, "is a directory")
        source = self.file("data", b"x")
        self.assert_one_line(frdpu("compress", "-f", source, "-o", self.folder), 1,
                             "is a directory")


class DecodingTest(CliTest):
    def test_the_first_bytes_tell_the_coding_whatever_the_name(self):
        for coding in ("gzip", "zstd", "lz4", "deflate"):
            with self.subTest(coding=coding):
                path = self.file("data.bin", tool_encode(coding, b"abc"))
                self.assertEqual(frdpu("decompress", "-c", path).stdout, b"abc")
        misnamed = self.file("data.gz", tool_encode("zstd", b"abc"))
        self.assertEqual(frdpu("decompress", "-c", misnamed).stdout, b"abc")

    def test_the_suffix_tells_what_has_no_mark(self):
        path = self.file("data.br", tool_encode("br", b"abc"))
        self.assertEqual(frdpu("decompress", "-c", path).stdout, b"abc")
        raw = zlib.compressobj(wbits=-15)
        path = self.file("data.zz", raw.compress(b"abc") + raw.flush())
        self.assertEqual(frdpu("decompress", "-c", path).stdout, b"abc")

    def test_what_cannot_be_told_is_asked_for(self):
        path = self.file("data.bin", b"plain text")
        self.assert_one_line(frdpu("decompress", path), 1, "--coding")
        path = self.file("data.bin", tool_encode("gzip", b"abc"))
        self.assert_one_line(frdpu("decompress", path), 2, "-o or -c")
        self.assertEqual(self.names(), ["data.bin"])

    def test_broken_input_leaves_nothing_behind(self):
        data = text_of(400_000)
        for coding, suffix in SUFFIX.items():
            whole = tool_encode(coding, data)
            flipped = bytearray(whole)
            flipped[len(flipped) // 2] ^= 0x55
            cases = {"truncated": whole[:-1], "cut in half": whole[:len(whole) // 2],
                     "flipped": bytes(flipped), "followed by more": whole + b"more", "empty": b""}
            if coding in ("br",):
                del cases["flipped"]  # brotli has no checksum: a flipped literal is a literal
            for name, broken in cases.items():
                with self.subTest(coding=coding, case=name):
                    path = self.file("data" + suffix, broken)
                    self.assert_one_line(frdpu("decompress", path), 1, "data" + suffix + ": ")
                    self.assertEqual(self.names(), ["data" + suffix])
                    path.unlink()

    def test_errors_say_where(self):
        path = self.file("data.gz", tool_encode("gzip", b"abc")[:-4])
        self.assert_one_line(frdpu("decompress", path), 1, "truncated_input")
        path = self.file("data.lz4", tool_encode("lz4", b"abc") + b"xyz!")
        self.assert_one_line(frdpu("decompress", path), 1, "trailing_data at byte ")


class DictionaryTest(CliTest):
    def setUp(self):
        super().setUp()
        samples = []
        source = random.Random(3)
        for i in range(400):
            record = {"id": i, "name": f"user{source.randint(0, 99)}", "active": i % 2 == 0,
                      "address": {"street": "Long Street", "number": source.randint(1, 200)}}
            samples.append(self.file(f"sample{i}", json.dumps(record).encode()))
        self.dictionary = self.folder / "dictionary"
        subprocess.run(["zstd", "-q", "--train", *samples, "--maxdict=4096", "-o",
                        self.dictionary], check=True, capture_output=True)
        self.data = samples[7].read_bytes()

    def test_zstd_and_lz4_exchange_frames_with_the_tools(self):
        for coding, tool in (("zstd", ["zstd", "-cq"]), ("lz4", ["lz4", "-c"])):
            with self.subTest(coding=coding):
                made = frdpu("compress", "-c", "--coding", coding, "--dictionary",
                             self.dictionary, data=self.data)
                self.assert_status(made, 0)
                plain = frdpu("compress", "-c", "--coding", coding, data=self.data)
                self.assertLess(len(made.stdout), len(plain.stdout))
                back = subprocess.run([*tool, "-d", "-D", self.dictionary], input=made.stdout,
                                      capture_output=True, check=True)
                self.assertEqual(back.stdout, self.data)
                again = frdpu("decompress", "--dictionary", self.dictionary, data=made.stdout)
                self.assertEqual(again.stdout, self.data)
        made = subprocess.run(["zstd", "-cq", "-D", self.dictionary], input=self.data,
                              capture_output=True, check=True).stdout
        self.assertEqual(frdpu("decompress", "--dictionary", self.dictionary, data=made).stdout,
                         self.data)

    def test_a_frame_that_needs_one_says_so(self):
        made = frdpu("compress", "-c", "--coding", "zstd", "--dictionary", self.dictionary,
                     data=self.data)
        self.assert_one_line(frdpu("decompress", data=made.stdout), 1, "unknown_dictionary")

    def test_raw_content_serves_lz4_as_a_dictionary(self):
        raw = self.file("raw", text_of(5000))
        made = frdpu("compress", "-c", "--dictionary", raw, data=text_of(2000))
        self.assert_status(made, 0)
        self.assertLess(len(made.stdout), 500)
        back = frdpu("decompress", "--dictionary", raw, data=made.stdout)
        self.assertEqual(back.stdout, text_of(2000))
        tool = subprocess.run(["lz4", "-dc", "-D", raw], input=made.stdout, capture_output=True,
                              check=True)
        self.assertEqual(tool.stdout, text_of(2000))
        self.assert_one_line(frdpu("compress", "--coding", "zstd", "--dictionary", raw), 2,
                             "zstd --train")

    def test_wrong_ones_are_refused(self):
        self.assert_one_line(frdpu("compress", "--coding", "gzip", "--dictionary",
                                   self.dictionary), 2, "--dictionary")
        self.assert_one_line(frdpu("compress", "--dictionary", self.folder / "none"), 1, "none")
        self.assert_one_line(frdpu("compress", "--dictionary", self.file("empty", b"")), 1,
                             "is empty")


class TrainTest(CliTest):
    def setUp(self):
        super().setUp()
        source = random.Random(5)
        self.samples = []
        for i in range(200):
            record = {"id": i, "user": f"user{source.randint(0, 99)}", "active": i % 3 == 0,
                      "address": {"street": "Long Street", "number": source.randint(1, 200)}}
            self.samples.append(self.file(f"sample{i:03}", json.dumps(record).encode()))
        self.dictionary = self.folder / "dictionary"

    def train(self, *arguments, out=None):
        return frdpu("train", "--out", out or self.dictionary, *arguments)

    def test_what_it_makes_is_used_by_the_tools_and_by_compress(self):
        done = self.train("--size", "4k", *self.samples)
        self.assert_status(done, 0)
        content = self.dictionary.read_bytes()
        self.assertLessEqual(len(content), 4096)
        number = int.from_bytes(content[4:8], "little")
        line = re.fullmatch(rf"{self.dictionary}: (\d+) bytes, id (\d+), ratio ([\d.]+) with it "
                            r"and ([\d.]+) without\n", done.stderr.decode())
        self.assertEqual((int(line[1]), int(line[2])), (len(content), number))
        self.assertGreater(float(line[3]), 2 * float(line[4]))
        self.assertEqual(done.stdout, b"")
        for data in (self.samples[0].read_bytes(), b"", text_of(100_000)):
            for coding, tool in (("zstd", ["zstd", "-cq"]), ("lz4", ["lz4", "-c"])):
                with self.subTest(coding=coding, size=len(data)):
                    made = frdpu("compress", "-c", "--coding", coding, "--dictionary",
                                 self.dictionary, data=data)
                    self.assert_status(made, 0)
                    back = subprocess.run([*tool, "-d", "-D", self.dictionary], input=made.stdout,
                                          capture_output=True, check=True)
                    self.assertEqual(back.stdout, data)
            theirs = subprocess.run(["zstd", "-cq", "-D", self.dictionary], input=data,
                                    capture_output=True, check=True).stdout
            again = frdpu("decompress", "--dictionary", self.dictionary, data=theirs)
            self.assertEqual(again.stdout, data)

    def test_the_same_samples_make_the_same_dictionary(self):
        self.assert_status(self.train(*self.samples), 0)
        other = self.folder / "other"
        self.assert_status(self.train("-q", *self.samples, out=other), 0)
        self.assertEqual(other.read_bytes(), self.dictionary.read_bytes())

    def test_it_is_a_new_file_that_replaces_nothing_unless_forced(self):
        for sample in self.samples:
            sample.chmod(0o600)
            os.utime(sample, ns=(10**18, 10**18))
        quiet = self.train("-q", *self.samples)
        self.assert_status(quiet, 0)
        self.assertEqual(quiet.stderr, b"")
        info = self.dictionary.stat()
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual(info.st_mode & 0o777, 0o666 & ~mask)
        self.assertGreater(info.st_mtime_ns, 10**18)
        before = self.names()
        self.dictionary.write_bytes(b"old")
        self.assert_one_line(self.train(*self.samples), 1, "dictionary exists", "-f")
        self.assertEqual(self.dictionary.read_bytes(), b"old")
        self.assert_status(self.train("-f", *self.samples), 0)
        self.assertNotEqual(self.dictionary.read_bytes(), b"old")
        self.assertEqual(self.names(), before)
        done = self.train("-f", *self.samples, out=self.samples[3])
        self.assert_one_line(done, 1, "sample003 is one of the samples")

    def test_what_cannot_be_trained_from_is_one_line_and_status_1(self):
        rows = [
            (self.samples[:7], ["too_few_samples", "at least 8"]),
            ([self.file(f"tiny{i}", b"x") for i in range(9)], ["too_few_samples", "too small"]),
            ([*self.samples, self.folder / "nowhere"], ["nowhere", "No such file"]),
            ([*self.samples, self.folder], ["is a directory"]),
            ([*self.samples, self.file("large", bytes(17 << 20))], ["large", "body_too_large"]),
        ]
        before = self.names()
        for samples, parts in rows:
            with self.subTest(parts=parts):
                self.assert_one_line(self.train(*samples), 1, *parts)
                self.assertEqual(self.names(), before)
        self.assert_one_line(self.train(*self.samples, out="/nowhere/x"), 1, "/nowhere/x")


class TerminalTest(CliTest):
    def run_in_terminal(self, *arguments, stdout=None):
        """Runs with stderr (and stdout, unless given) on a terminal of 80 columns.

        Returns the exit status and what the terminal showed."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as screen:
            process = subprocess.Popen([FRDPU, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                       stdout=stdout or theirs, stderr=theirs,
                                       env=clean_environment())
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # EIO: the last one has closed the terminal
                while chunk := screen.read(65536):
                    shown += chunk
            return process.wait(timeout=60), shown.decode()

    def test_long_work_shows_a_bar_on_a_terminal(self):
        path = self.file("large", bytes(64 << 20))
        status, shown = self.run_in_terminal("compress", path, stdout=subprocess.DEVNULL)
        self.assertEqual(status, 0)
        self.assertRegex(shown, r"\[#*\.*\]  +\d+ %")
        self.assertIn("[####################]  100 %  64.0 MiB", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), "the bar was not taken away")
        for line in re.split(r"[\r\n]", shown):
            self.assertLess(len(line.replace("\x1b[K", "")), 80)
        status, shown = self.run_in_terminal("decompress", "-f", f"{path}.lz4")
        self.assertEqual((status, shown), (0, ""))  # 64 MiB of zeros are a short file

    def test_short_or_quiet_work_shows_none(self):
        path = self.file("large", bytes(40 << 20))
        small = self.file("small", b"abc")
        for arguments in ((small,), ("-q", path)):
            with self.subTest(arguments=arguments):
                status, shown = self.run_in_terminal("compress", *arguments)
                self.assertEqual((status, shown), (0, ""))

    def test_no_bar_without_a_terminal(self):
        path = self.file("large", bytes(40 << 20))
        self.assertEqual(frdpu("compress", path).stderr, b"")

    def test_compressed_data_is_kept_from_terminals(self):
        path = self.file("small", b"abc")
        status, shown = self.run_in_terminal("compress", "-c", path)
        self.assertEqual(status, 2)
        self.assertIn("not written to a terminal", shown)
        status, shown = self.run_in_terminal("compress", "-c", "-f", "--coding", "identity", path)
        self.assertEqual((status, shown), (0, "abc"))


class SignalTest(CliTest):
    def test_an_interrupted_run_leaves_nothing_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = subprocess.Popen(
                    [FRDPU, "compress", "-", "-o", self.folder / "out.lz4"],
                    stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
                process.stdin.write(b"x" * 100_000)
                process.stdin.flush()
                while not self.names():  # until it has begun its file
                    self.assertIsNone(process.poll())
                process.send_signal(number)
                message = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, -number)
                self.assertEqual(message, b"")
                self.assertEqual(self.names(), [])


class UsageTest(CliTest):
    def test_wrong_usage_is_one_line_and_status_2(self):
        rows = [
            ([], "subcommand"),
            (["pack"], "pack is not a command"),
            (["compress", "--frobnicate"], "--frobnicate"),
            (["compress", "--coding", "rar"], "--coding: 'rar'"),
            (["compress", "--level", "0"], "--level: 0 is not in 1 to 9, the levels of lz4"),
            (["compress", "--coding", "zstd", "--level", "20"], "1 to 19"),
            (["compress", "--level", "high"], "--level"),
            (["compress", "--window", "64k"], "--window: 65536 is not in 256 to 65535"),
            (["compress", "--window", "big"], "--window: 'big'"),
            (["compress", "-c", "-o", "x"], "-c and -o"),
            (["compress", "--level", "1", "--level", "2"], "--level"),
            (["decompress", "--coding", "auto"], "--coding: 'auto'"),
            (["decompress", "--level", "1"], "--level"),
            (["serve", "--frobnicate"], "--frobnicate"),
            (["serve", "surplus"], "surplus"),
            (["serve", "--max-window-bytes", "129m"], "--max-window-bytes: '129m'"),
            (["serve", "--listen", "8080"], "--listen: '8080'"),
            (["serve", "--tls-cert", "/x"], "--tls-cert and --tls-key only work together"),
            (["serve", "--workspace-bytes", "1m"], "--workspace-bytes 1048576 is too small"),
            (["serve", "--dry-run", "--pool-64k-blocks", "4000000000"], "--pool-64k-blocks"),
            (["serve", "--config", "/nowhere.json"], "/nowhere.json cannot be read"),
            (["healthcheck", "--timeout", "3"], "--timeout"),
            (["train", "sample"], "--out"),
            (["train", "--out", "x"], "SAMPLES"),
            (["train", "--out", "x", "--size", "255", "y"], "--size: 255 is not in 256 to"),
            (["train", "--out", "x", "--size", "2097153", "y"], "--size: 2097153"),
            (["train", "--out", "x", "--size", "big", "y"], "--size: 'big'"),
        ]
        for arguments, part in rows:
            with self.subTest(arguments=arguments):
                done = frdpu(*arguments)
                self.assert_one_line(done, 2, part)
                if arguments[:2] != ["serve", "--dry-run"]:
                    self.assertEqual(done.stdout, b"")

    def test_help_and_version_go_to_standard_output(self):
        for command in ((), ("serve",), ("compress",), ("decompress",), ("bench",), ("train",),
                        ("healthcheck",)):
            with self.subTest(command=command):
                done = frdpu(*command, "--help")
                self.assert_status(done, 0)
                self.assertIn(b"Usage: frdpu", done.stdout)
                self.assertEqual(done.stderr, b"")
        version = frdpu("--version").stdout.decode()
        self.assertRegex(version, r"\Afrdpu \d+\.\d+\.\d+ \([0-9a-f]{12}|unknown\)\n")
        for library in ("zstd 1.", "zlib 1.", "libdeflate ", "isal 2.", "brotli 1.", "boost 1.",
                        "nlohmann_json 3.", "prometheus-cpp 1."):
            self.assertIn("\n" + library, version)

    def test_settings_come_from_everywhere_and_can_be_fed_back(self):
        file = self.file("frdpu.json", b'{"max_ratio": 5, "queue_timeout": "2m", "threads": 3}')
        env = clean_environment(FRDPU_CONFIG=str(file), FRDPU_QUEUE_TIMEOUT="250ms")
        done = frdpu("serve", "--print-config", "--threads", "4", env=env)
        self.assert_status(done, 0)
        printed = json.loads(done.stdout)
        self.assertEqual(printed["max_ratio"], 5)
        self.assertEqual(printed["queue_timeout"], "250ms")
        self.assertEqual(printed["threads"], 4)
        self.assertGreater(printed["pool_64k_blocks"], 0)
        again = frdpu("serve", "--print-config", "--config", self.file("again", done.stdout))
        self.assertEqual(again.stdout, done.stdout)

    def test_unknown_keys_and_variables_are_errors(self):
        file = self.file("frdpu.json", b'{"max_ration": 5}')
        self.assert_one_line(frdpu("serve", "--config", file), 2, "frdpu.json", "max_ration")
        done = frdpu("serve", env=clean_environment(FRDPU_MAX_RATION="5"))
        self.assert_one_line(done, 2, "FRDPU_MAX_RATION")

    def test_dry_run_adds_up(self):
        done = frdpu("serve", "--dry-run", "--threads", "2", "--compute-threads", "2")
        self.assert_status(done, 0)
        rows = re.findall(r"^(.*?) +([\d.]+) MiB$", done.stdout.decode(), re.M)
        parts = {name: float(size) for name, size in rows}
        total = parts.pop("total")
        machine = parts.pop("the machine", None) or parts.pop("the cgroup")
        self.assertAlmostEqual(sum(parts.values()), total, delta=0.05 * len(parts) + 0.1)
        self.assertLessEqual(total, machine)
        self.assertNotIn("dictionar", done.stdout.decode())
        done = frdpu("serve", "--dry-run", "--dictionary-dir", self.folder, "--dictionary-bytes",
                     "8m")
        self.assert_status(done, 0)
        self.assertRegex(done.stdout.decode(), r"stored dictionaries, of 8388608 B +2[\d.]+ MiB")
        self.assertRegex(done.stdout.decode(), r"one training of a dictionary +64.0 MiB")


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = {"/readyz": self.server.ready, "/livez": 200}.get(self.path, 404)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass

    def address_string(self):
        return ""


class UnixServer(socketserver.UnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("", 0)


class HealthcheckTest(CliTest):
    def serve(self, server):
        server.ready = 200
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def stop():
            server.shutdown()
            thread.join()
            server.server_close()
        self.addCleanup(stop)
        return server

    def test_it_asks_the_admin_address_of_the_same_settings(self):
        server = self.serve(http.server.HTTPServer(("127.0.0.1", 0), Answer))
        port = server.server_address[1]
        for address in (f"127.0.0.1:{port}", f"localhost:{port}", f"0.0.0.0:{port}"):
            with self.subTest(address=address):
                self.assert_status(frdpu("healthcheck", "--admin-listen", address), 0)
        env = clean_environment(FRDPU_ADMIN_LISTEN=f"127.0.0.1:{port}")
        self.assert_status(frdpu("healthcheck", env=env), 0)
        server.ready = 503
        self.assert_one_line(frdpu("healthcheck", env=env), 1, "/readyz", "503")
        self.assert_status(frdpu("healthcheck", "--live", env=env), 0)

    def test_unix_sockets_too(self):
        path = str(self.folder / "admin.sock")
        server = self.serve(UnixServer(path, Answer))
        arguments = ("healthcheck", "--admin-listen", f"unix:{path}")
        self.assert_status(frdpu(*arguments), 0)
        server.ready = 503
        self.assert_one_line(frdpu(*arguments), 1, "503")

    def test_nobody_there_is_status_1(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets the port
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_one_line(frdpu("healthcheck", "--admin-listen", address), 1, "refused")
        self.assert_one_line(frdpu("healthcheck", "--admin-listen", "unix:/nowhere/x"), 1,
                             "No such file")

    def test_a_silent_server_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            done = frdpu("healthcheck", "--admin-listen", address, "--timeout", "50ms")
            self.assert_one_line(done, 1, "no answer in time")


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-") and os.path.sep in sys.argv[1]:
        CORPUS = pathlib.Path(sys.argv.pop(1))
    unittest.main(verbosity=1)
