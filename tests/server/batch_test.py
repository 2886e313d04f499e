#!/usr/bin/env python3
"""Batches: many small payloads in one request, each its own frame, as the public tools read them."""

import gzip
import os
import random
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import frames, service  # noqa: E402
from support.codings import CODINGS, SNIFFABLE  # noqa: E402
from support.frames import framed, unframed  # noqa: E402
from support.service import SharedServiceTest, parse_dictionary  # noqa: E402


def text(size, seed=1):
    source = random.Random(seed)
    words = b"pool block lease window match literal frame level coding".split()
    return b" ".join(source.choice(words) for _ in range(size // 4 + 1))[:size]


ITEMS = [text(size, size) for size in (0, 1, 39, 1400, 1500, 9000, 65535, 65536, 65537, 300_001)]
ITEMS += [random.Random(2).randbytes(size) for size in (1, 1400, 66_000)]


class BatchTest(SharedServiceTest):
    def batch(self, direction, body, query="", **options):
        response = self.post(f"/v1/batch/{direction}{query}", body, **options)
        self.assert_status(response, 200)
        self.assertEqual(response.field("Content-Type"), frames.MEDIA_TYPE)
        self.assertIsNone(response.field("Content-Encoding"))
        return response

    def test_every_coding_both_ways(self):
        for coding in CODINGS.values():
            for chunked in (False, True):
                with self.case(coding=coding.name, chunked=chunked):
                    response = self.batch("compress", framed(ITEMS), f"?coding={coding.name}",
                                          chunked=chunked)
                    encoded = unframed(response.body)
                    self.assertEqual(len(encoded), len(ITEMS))
                    for item, frame in zip(ITEMS, encoded):
                        self.assert_same_bytes(coding.decode(frame), item)
                    query = "" if coding.name in SNIFFABLE else f"?coding={coding.name}"
                    theirs = framed(coding.encode(item) for item in ITEMS)
                    for body in (response.body, theirs):
                        decoded = self.batch("decompress", body, query, chunked=not chunked)
                        self.assertEqual(unframed(decoded.body), ITEMS)

    def test_an_item_is_what_the_single_call_makes_of_it(self):
        for query in ("?coding=lz4&level=9", "?coding=zstd&window=65536", "?coding=gzip&level=1",
                      "?coding=br", "?coding=identity", ""):
            encoded = unframed(self.batch("compress", framed(ITEMS), query).body)
            for item, frame in zip(ITEMS, encoded):
                self.assert_same_bytes(self.post("/v1/compress" + query, item).body, frame)

    def test_auto_looks_at_what_comes_first(self):
        for items, coding in (([text(1400)] * 20, "zstd"),
                              ([random.Random(i).randbytes(1400) for i in range(20)], "identity")):
            response = self.batch("compress", framed(items), "?coding=auto")
            stats = parse_dictionary(response.field("Compression-Stats"))
            self.assertEqual(stats["coding"], coding)
            query = "?coding=identity" if coding == "identity" else ""
            self.assertEqual(unframed(self.batch("decompress", response.body, query).body), items)

    def test_nothing_in_nothing_out(self):
        for direction in ("compress", "decompress"):
            for chunked in (False, True):
                self.assertEqual(self.batch(direction, b"", chunked=chunked).body, b"")

    def test_stats_are_those_of_the_codec(self):
        response = self.batch("compress", framed(ITEMS[:5]), "?coding=zstd&level=1")
        stats = parse_dictionary(response.field("Compression-Stats"))
        self.assertEqual(stats["coding"], "zstd")
        self.assertEqual(int(stats["level"]), 1)
        self.assertEqual(int(stats["in"]), sum(map(len, ITEMS[:5])))
        self.assertEqual(int(stats["out"]), len(response.body) - 4 * 5)
        self.assertIsNotNone(response.field("Server-Timing"))
        long = self.batch("compress", framed(ITEMS * 5), "?coding=zstd", fields={"TE": "trailers"})
        stats = parse_dictionary(long.trailer("Compression-Stats"))
        self.assertEqual(int(stats["in"]), 5 * sum(map(len, ITEMS)))

    def test_a_failed_item_is_a_problem_in_its_place(self):
        good = gzip.compress(b"good")
        damaged = bytearray(good)
        damaged[-6] ^= 1
        items = unframed(self.batch("decompress", framed(
            [good, bytes(damaged), b"", good[:-1], good + b"x", b"what is this", good])).body)
        self.assertEqual([item["code"] if isinstance(item, dict) else item for item in items],
                         [b"good", "checksum_mismatch", "truncated_input", "truncated_input",
                          "trailing_data", "unsupported_coding", b"good"])
        for problem in items:
            if isinstance(problem, dict):
                self.assertEqual(set(problem) - {"limit", "observed", "offset"},
                                 {"type", "title", "status", "detail", "code"})

    def test_broken_framing(self):
        for body in (b"\0", b"\5\0\0\0ab", framed([b"a"]) + b"\1", b"\xff\xff\xff\xff",
                     framed([b"a"]) + b"\xff\xff\xff\xff" + framed([b"{}"])):
            for direction in ("compress", "decompress"):
                with self.case(body=body, direction=direction):
                    response = self.post(f"/v1/batch/{direction}", body)
                    self.assert_problem(response, 400, "malformed_frames")

    def test_broken_framing_behind_much_of_an_answer(self):
        """No client may take half a result for a whole one."""
        body = framed([random.Random(1).randbytes(60_000)] * 30) + b"\1\0\0"
        with self.service.connect() as connection:
            with self.assertRaises(service.BrokenOff):
                connection.request("POST", "/v1/batch/compress", body)

    def test_bombs_hold_nobody_up(self):
        """Each decodes to a little more than is kept: much work, and no answer but problems."""
        bomb = CODINGS["br"].encode(bytes((4 << 20) + 1))
        with service.Service(threads=1) as own, own.connect() as bomber:
            head, pieces = service.make_request("POST", "/v1/batch/decompress?coding=br",
                                                framed([bomb] * 150))
            bomber.send(head + b"".join(pieces))
            served = 0
            answer = []
            reader = threading.Thread(target=lambda: answer.append(bomber.read_response()))
            reader.start()
            with own.connect() as other:
                while reader.is_alive():
                    self.assert_status(other.request("POST", "/v1/compress", text(1400)), 200)
                    served += 1
            reader.join()
            self.assertEqual([item["code"] for item in unframed(answer[0].body)],
                             ["output_limit_exceeded"] * 150)
            self.assertGreater(served, 20)

    def test_an_item_longer_than_batches_take(self):
        items = unframed(self.batch("compress", framed([bytes(4 << 20), bytes((4 << 20) + 1),
                                                        b"small"])).body)
        self.assertEqual(CODINGS["lz4"].decode(items[0]), bytes(4 << 20))
        self.assertEqual((items[1]["code"], items[1]["limit"]), ("body_too_large", 4 << 20))
        bomb = CODINGS["zstd"].encode(bytes((4 << 20) + 1))
        items = unframed(self.batch("decompress", framed([bomb, items[2]])).body)
        self.assertEqual(items[0]["code"], "output_limit_exceeded")
        self.assertEqual(items[1], b"small")

    def test_a_content_encoding_is_of_the_frames(self):
        packed = gzip.compress(framed(ITEMS))
        fields = {"Content-Encoding": "gzip"}
        plain = self.batch("compress", framed(ITEMS)).body
        self.assertEqual(self.batch("compress", packed, fields=fields).body, plain)
        decoded = self.batch("decompress", gzip.compress(plain), fields=fields)
        self.assertEqual(unframed(decoded.body), ITEMS)

    def test_queries_that_make_no_sense(self):
        for direction, query, code in (
                ("compress", "label=encoding", "invalid_parameter"),
                ("compress", "split=1048576", "unknown_parameter"),
                ("compress", "coding=zip", "unknown_coding"),
                ("compress", "coding=gzip&level=10", "invalid_level"),
                ("decompress", "coding=auto", "unknown_coding"),
                ("decompress", "level=3", "unknown_parameter")):
            with self.case(query=query):
                response = self.post(f"/v1/batch/{direction}?{query}", framed([b"x"]))
                self.assert_problem(response, 400, code)

    def test_who_sends_everything_first_gets_everything(self):
        body = framed([random.Random(3).randbytes(1400)] * 20_000)
        for chunked in (False, True):
            response = self.batch("compress", body, "?coding=lz4", chunked=chunked)
            self.assertEqual(len(unframed(response.body)), 20_000)

    def test_counters_and_pools(self):
        with service.Service() as own:
            with own.connect() as connection:
                body = framed(ITEMS[:6])
                answer = connection.request("POST", "/v1/batch/compress?coding=br", body)
                connection.request("POST", "/v1/batch/decompress?coding=br", answer.body)
            plain = sum(map(len, ITEMS[:6]))
            coded = len(answer.body) - 4 * 6
            for direction, given, made in (("compress", plain, coded), ("decompress", coded, plain)):
                labels = {"coding": "br", "direction": direction}
                self.assertEqual(own.metric("frdpu_codec_input_bytes_total", **labels), given)
                self.assertEqual(own.metric("frdpu_codec_output_bytes_total", **labels), made)
                self.assertGreater(own.metric("frdpu_codec_cpu_seconds_total", **labels), 0)
            self.assertEqual(own.metric("frdpu_http_requests_total", route="/v1/batch/compress",
                                        method="POST", status="200"), 1)
            self.assertEqual(own.unbalanced(), {})


if __name__ == "__main__":
    service.main()
