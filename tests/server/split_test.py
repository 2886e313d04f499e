#!/usr/bin/env python3
"""`split`: one large body compressed by several workers, in frames that follow each other."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS  # noqa: E402
from support.service import SharedServiceTest, make_request, parse_dictionary  # noqa: E402

PIECE = 128 << 10
SPLITTABLE = ("lz4", "zstd", "gzip")


class SplitTest(SharedServiceTest):
    flags = {"compute_threads": 3, "workspace_bytes": "512m"}

    def split(self, coding, data, piece=PIECE, **options):
        response = self.post(f"/v1/compress?coding={coding}&split={piece}", data, **options)
        self.assert_status(response, 200)
        return response

    def test_the_public_tools_read_it(self):
        for size in (PIECE, PIECE + 1, 5 * PIECE, 24 * PIECE + 7):
            data = codings.text(size)
            for coding in SPLITTABLE:
                with self.case(coding=coding, size=size):
                    packed = self.split(coding, data).body
                    self.assert_same_bytes(CODINGS[coding].decode(packed), data)
                    back = self.post(f"/v1/decompress?coding={coding}", packed)
                    self.assert_same_bytes(back.body, data)

    def test_it_does_not_depend_on_who_helps_or_how_it_is_sent(self):
        data = codings.text(24 * PIECE + 7)
        for coding in SPLITTABLE:
            with self.case(coding=coding):
                answers = {self.split(coding, data, chunked=chunked, chunk_bytes=size).body
                           for chunked, size in ((False, 1), (True, 999), (True, 65536),
                                                 (True, 200_000))}
                self.assertEqual(len(answers), 1)

    def test_each_piece_is_a_frame(self):
        data = codings.text(3 * PIECE)
        packed = self.split("gzip", data).body
        self.assertEqual(packed.count(b"\x1f\x8b\x08"), 3)
        self.assertEqual(self.split("zstd", data).body.count(b"\x28\xb5\x2f\xfd"), 3)

    def test_a_short_body_is_one_frame(self):
        for size in (0, 1, 1400, 65536, PIECE):
            data = codings.text(size)
            for coding in SPLITTABLE:
                for chunked in (False, True):
                    with self.case(coding=coding, size=size, chunked=chunked):
                        packed = self.split(coding, data, chunked=chunked).body
                        self.assert_same_bytes(CODINGS[coding].decode(packed), data)

    def test_it_says_what_it_did(self):
        data = codings.text(16 * PIECE)
        response = self.split("zstd", data, chunked=True, fields={"TE": "trailers"})
        stats = parse_dictionary(response.trailer("Compression-Stats"))
        self.assertEqual(int(stats["in"]), len(data))
        self.assertEqual(int(stats["out"]), len(response.body))

    def test_refusals(self):
        for query, fields in (("coding=br&split=131072", {}), ("coding=auto&split=131072", {}),
                              ("coding=lz4&split=1", {}), ("coding=lz4&split=1m", {}),
                              ("coding=lz4&split=131072", {"Content-Encoding": "gzip"})):
            with self.case(query=query, fields=fields):
                response = self.post(f"/v1/compress?{query}", b"x", fields=fields)
                self.assert_problem(response, 400, "invalid_parameter")
        response = self.post("/v1/transcode?to=lz4&split=131072", b"x")
        self.assert_problem(response, 400, "unknown_parameter")

    def test_clients_that_go_away_leave_nothing(self):
        data = codings.text(64 * PIECE)
        for coding in SPLITTABLE:
            for sent in (PIECE, 9 * PIECE, 40 * PIECE, len(data)):
                with self.case(coding=coding, sent=sent):
                    head, _ = make_request("POST", f"/v1/compress?coding={coding}&split={PIECE}",
                                           data)
                    connection = self.service.connect()
                    connection.send(head + data[:sent])
                    connection.reset()
        self.assertEqual(self.service.unbalanced(), {})


class ScarceTest(SharedServiceTest):
    """With memory for less than one round at a time it waits or refuses, and never half answers."""

    flags = {"compute_threads": 2, "pool_64k_blocks": 96, "queue_timeout": "250ms",
             "workspace_bytes": "100m", "max_window_bytes": "1m"}

    def test_whole_or_refused(self):
        data = codings.text(40 * PIECE)
        seen = set()
        for coding in SPLITTABLE:
            for piece in (PIECE, 1 << 20):
                with self.case(coding=coding, piece=piece):
                    response = self.post(f"/v1/compress?coding={coding}&split={piece}", data,
                                         chunked=True)
                    seen.add(response.status)
                    if response.status == 200:
                        self.assert_same_bytes(CODINGS[coding].decode(response.body), data)
                    else:
                        self.assert_problem(response, 503, "pool_exhausted")
        self.assertEqual(seen, {200, 503})
        self.assertEqual(self.service.unbalanced(), {})


if __name__ == "__main__":
    service.main()
