#!/usr/bin/env python3
"""/v1/probe and /v1/estimate: what they say, against what the service then does.

Frames come from the public tools. What a probe refuses is sent to /v1/decompress too, which must
refuse it with the same code; what an estimate measured is sent to /v1/compress.
"""

import os
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS, SNIFFABLE, run, zstd_skippable  # noqa: E402
from support.service import Service, SharedServiceTest, TestCase  # noqa: E402

PROBE = "/v1/probe"
ESTIMATE = "/v1/estimate"
KIB = 1 << 10
MIB = 1 << 20
PROBE_MEMBERS = {"coding", "window_bytes", "content_bytes", "dictionary_id", "checksum", "accepted",
                 "refused_because"}
TEXT = codings.text(100_000)


def answer(test, response, members):
    """The JSON of a good answer, with exactly these members."""
    test.assert_status(response, 200)
    test.assertEqual(response.field("Content-Type"), "application/json")
    told = response.json()
    test.assertEqual(set(told), members, told)
    return told


class ProbeTest(SharedServiceTest):
    """Headers of every coding."""

    flags = {"workspace_bytes": "1g"}

    def probe(self, body, query="", **options):
        told = answer(self, self.post(PROBE + query, body, **options), PROBE_MEMBERS)
        self.assertEqual(told["accepted"], told["refused_because"] is None, told)
        return told

    def expect(self, body, query="", accepted=True, **members):
        for chunked in (False, True):
            told = self.probe(body, query, chunked=chunked)
            self.assertEqual(told["accepted"], accepted, told)
            for name, value in members.items():
                self.assertEqual(told[name], value, told)

    def test_every_coding(self):
        for name, coding in CODINGS.items():
            for data in (b"", b"a", TEXT, codings.text(3_000_000)):
                with self.case(coding=name, size=len(data)):
                    frame = coding.encode(data)
                    self.expect(frame, f"?coding={name}", coding=name, dictionary_id=None)
                    if name in SNIFFABLE:
                        self.expect(frame, coding=name)

    def test_what_zstd_says(self):
        # Of a pipe the tool does not know the size, of which the header then says nothing.
        window = codings.zstd_window_bytes
        for option, checksum in (("--check", True), ("--no-check", False)):
            for level in ("-1", "-19"):
                frame = run("zstd", "-q", "-c", option, level)(TEXT)
                with self.case(option=option, level=level):
                    self.expect(frame, coding="zstd", checksum=checksum,
                                window_bytes=window(frame) or len(TEXT),
                                content_bytes=codings.zstd_content_bytes(frame))
        sized = run("zstd", "-q", "-c", f"--stream-size={len(TEXT)}")(TEXT)
        self.expect(sized, coding="zstd", content_bytes=len(TEXT))

    def test_what_lz4_says(self):
        data = codings.text(5_000_000)  # less than a block, and the tool takes smaller ones
        for block, size in (("-B4", 64 * KIB), ("-B5", 256 * KIB), ("-B6", MIB), ("-B7", 4 * MIB)):
            frame = run("lz4", "-q", "-c", block)(data)
            with self.case(block=block):
                self.expect(frame, coding="lz4", window_bytes=size, checksum=True,
                            content_bytes=codings.lz4_content_bytes(frame))
        self.expect(codings.lz4_legacy(TEXT), coding="lz4", checksum=False, content_bytes=None)

    def test_what_the_others_say(self):
        self.expect(CODINGS["gzip"].encode(TEXT), coding="gzip", window_bytes=32 * KIB,
                    content_bytes=None, checksum=True)
        for bits in (9, 12, 15):
            packer = zlib.compressobj(6, zlib.DEFLATED, bits)
            stream = packer.compress(TEXT) + packer.flush()
            with self.case(bits=bits):
                self.expect(stream, coding="deflate", checksum=True,
                            window_bytes=codings.zlib_window_bytes(stream))
        self.expect(codings.raw_deflate(TEXT), "?coding=deflate", coding="deflate", checksum=False)
        for log in (10, 16, 18, 24):
            with self.case(window_log=log):
                frame = run("brotli", "-q", "4", "-w", str(log), "-c")(TEXT)
                self.expect(frame, "?coding=br", coding="br", window_bytes=1 << log, checksum=False)

    def test_results_of_this_service(self):
        for name, coding in CODINGS.items():
            frame = self.post(f"/v1/compress?coding={name}", TEXT).body
            with self.case(coding=name):
                sized = len(TEXT) if name in ("lz4", "zstd") else None
                self.expect(frame, f"?coding={name}", coding=name, content_bytes=sized,
                            checksum=name != "br")

    def test_skippable_frames_are_passed_over(self):
        zstd = CODINGS["zstd"].encode(TEXT)
        lz4 = CODINGS["lz4"].encode(TEXT)
        for size in (0, 1, 30, 60_000):
            front = zstd_skippable(bytes(size)) + zstd_skippable()
            with self.case(size=size):
                self.expect(front + zstd, coding="zstd", checksum=True)
                self.expect(front + lz4, coding="lz4", window_bytes=lz4_block_bytes(lz4))
        # Behind the first 64 KiB nothing is looked at: nothing is known, nothing speaks against it.
        self.expect(zstd_skippable(bytes(64 * KIB)) + zstd, coding="zstd", window_bytes=None,
                    checksum=None)

    def test_the_rest_is_not_looked_at(self):
        frame = CODINGS["gzip"].encode(TEXT)
        self.expect(frame[:20], coding="gzip")
        self.expect(frame + codings.random_bytes(3 * MIB), coding="gzip")

    def test_the_source_is_named_as_for_decompress(self):
        br = CODINGS["br"].encode(TEXT)
        typed = [("Content-Type", "application/x-brotli")]
        self.assertEqual(self.probe(br, fields=typed)["coding"], "br")
        problem = self.post(PROBE + "?coding=gzip", br, typed)
        self.assert_problem(problem, 400, "conflicting_coding")
        self.assert_problem(self.post(PROBE + "?coding=lzma", br), 400, "unknown_coding")
        self.assert_problem(self.post(PROBE + "?level=3", br), 400, "unknown_parameter")

    def test_refusals_are_errors_only_where_there_is_no_header(self):
        for chunked in (False, True):
            self.assert_problem(self.post(PROBE, TEXT, chunked=chunked), 415, "unsupported_coding")
            self.assert_problem(self.post(PROBE, b"", chunked=chunked), 422, "truncated_input")
            self.assert_problem(self.post(PROBE + "?coding=br", b"", chunked=chunked), 422,
                                "truncated_input")

    def test_agrees_with_decompress(self):
        for name, coding in CODINGS.items():
            frame = coding.encode(TEXT[:2000])
            bodies = [frame[:n] for n in range(1, 24)]
            for at in range(12):
                for flip in (1, 0x40, 0xFF):
                    bodies.append(frame[:at] + bytes([frame[at] ^ flip]) + frame[at + 1:])
            for number, body in enumerate(bodies):
                with self.case(coding=name, number=number):
                    told = self.probe(body, f"?coding={name}")
                    if not told["accepted"]:
                        done = self.post(f"/v1/decompress?coding={name}", body)
                        self.assertEqual(done.json()["code"], told["refused_because"], told)


def lz4_block_bytes(frame):
    return 1 << (8 + 2 * (frame[5] >> 4))


class ProbeLimitTest(TestCase):
    """The limits in force decide; no more is refused than /v1/decompress refuses."""

    def check(self, frame, code, status, **flags):
        with Service(**flags) as running:
            told = answer(self, running.post(PROBE, frame), PROBE_MEMBERS)
            self.assertEqual((told["accepted"], told["refused_because"]), (False, code), told)
            self.assert_problem(running.post("/v1/decompress", frame), status, code)
            self.assert_books_balanced(running)

    def test_limits(self):
        data = codings.text(2_000_000)
        large = run("zstd", "-q", "-c", "--ultra", "-22", "--long=27")(data)
        self.check(large, "window_too_large", 413)
        self.check(run("lz4", "-q", "-c", "-B7")(data), "window_too_large", 413,
                   max_window_bytes="1m")
        sized = run("zstd", "-q", "-c", "-1", f"--stream-size={len(data)}")(data)
        self.check(sized, "output_limit_exceeded", 413, max_output_bytes="1m")
        unknown = bytes.fromhex("28b52ffd030078563412010000")
        self.check(unknown, "unknown_dictionary", 422)


class EstimateTest(SharedServiceTest):
    """Rows against results."""

    flags = {"workspace_bytes": "1g"}

    def estimate(self, body, **options):
        told = answer(self, self.post(ESTIMATE, body, **options),
                      {"input_bytes", "sampled_bytes", "entropy_bits_per_byte", "codings",
                       "recommended"})
        self.assertEqual(told["input_bytes"], len(body))
        self.assertEqual(told["sampled_bytes"], min(len(body), MIB))
        self.assertTrue(0 <= told["entropy_bits_per_byte"] <= 8, told)
        method = "measured" if len(body) <= MIB else "sampled"
        self.assertEqual([row["coding"] for row in told["codings"]], list(CODINGS))
        for row in told["codings"]:
            self.assertEqual(set(row), {"coding", "level", "output_bytes", "ratio", "method"})
            self.assertEqual(row["method"], method, row)
            self.assertEqual(row["level"], CODINGS[row["coding"]].default_level, row)
            self.assertAlmostEqual(row["ratio"], len(body) / row["output_bytes"], msg=row)
        return told

    def chosen(self, body):
        response = self.post("/v1/compress?coding=auto", body)
        self.assert_status(response, 200)
        for name, coding in CODINGS.items():
            if response.field("Content-Type") == coding.media_type:
                return name
        return "identity"

    def test_measured_is_what_comes_out(self):
        bodies = [case for case in codings.sized() if case[1]]
        bodies += [("1 MiB less one", codings.text(MIB)[:-1]), ("1 MiB", codings.text(MIB)),
                   ("zeros", bytes(MIB)), ("1 MiB of random", codings.random_bytes(MIB))]
        for name, body in bodies:
            with self.case(body=name):
                told = self.estimate(body)
                self.assertEqual(self.estimate(body, chunked=True), told)
                for row in told["codings"]:
                    result = self.post(f"/v1/compress?coding={row['coding']}", body)
                    self.assertEqual(row["output_bytes"], len(result.body), row)

    def test_sampled_is_near(self):
        for name, body in (("text", codings.text(3_000_000)), ("zeros", bytes(MIB + 1)),
                           ("random", codings.random_bytes(2_500_000))):
            with self.case(body=name):
                for row in self.estimate(body)["codings"]:
                    size = len(self.post(f"/v1/compress?coding={row['coding']}", body).body)
                    self.assertLess(abs(row["output_bytes"] - size), 0.1 * size + 200, row)

    def test_recommends_what_auto_chooses(self):
        bodies = [("text", TEXT), ("random", codings.random_bytes(50_000)), ("a byte", b"x"),
                  ("random, then zeros", codings.random_bytes(20_000) + bytes(100_000))]
        for name, body in [*bodies, *codings.corpus()]:
            with self.case(body=name):
                self.assertEqual(self.estimate(body)["recommended"], self.chosen(body))

    def test_entropy(self):
        self.assertEqual(self.estimate(bytes(1000))["entropy_bits_per_byte"], 0)
        self.assertEqual(self.estimate(b"ab" * 500)["entropy_bits_per_byte"], 1)
        self.assertEqual(self.estimate(bytes(range(256)) * 10)["entropy_bits_per_byte"], 8)

    def test_transport_is_undone_first(self):
        packed = CODINGS["gzip"].encode(TEXT)
        response = self.post(ESTIMATE, packed, [("Content-Encoding", "gzip")])
        self.assert_status(response, 200)
        self.assertEqual(response.json(), self.estimate(TEXT))

    def test_nothing_to_estimate(self):
        for chunked in (False, True):
            self.assert_problem(self.post(ESTIMATE, b"", chunked=chunked), 400, "empty_input")
        self.assert_problem(self.post(ESTIMATE + "?coding=gzip", TEXT), 400, "unknown_parameter")


class EstimateLimitTest(TestCase):
    def test_a_body_over_the_limit(self):
        with Service(max_body_bytes="1m") as running:
            self.assert_status(running.post(ESTIMATE, bytes(MIB)), 200)
            self.assert_problem(running.post(ESTIMATE, bytes(MIB + 1)), 413, "body_too_large")
            self.assert_problem(running.post(ESTIMATE, bytes(MIB + 1), chunked=True), 413,
                                "body_too_large")
            self.assert_books_balanced(running)

    def test_without_blocks_it_is_unavailable(self):
        with Service(pool_64k_blocks=8, queue_timeout="100ms") as running:
            self.assert_problem(running.post(ESTIMATE, bytes(MIB), chunked=True), 503,
                                "pool_exhausted")
            self.assert_status(running.post(ESTIMATE, TEXT), 200)
            self.assert_books_balanced(running)


if __name__ == "__main__":
    service.main()
