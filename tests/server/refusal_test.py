#!/usr/bin/env python3
"""Every refusal: its status, code and fields, and what becomes of the connection.

And that damaged input is refused: never answered 200 with wrong bytes, never a hang.
"""

import concurrent.futures
import gzip
import os
import random
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS, SNIFFABLE  # noqa: E402
from support.service import BrokenOff, Service, SharedServiceTest, TestCase  # noqa: E402

COMPRESS = "/v1/compress"
DECOMPRESS = "/v1/decompress"
TRANSCODE = "/v1/transcode"


class QueryTest(SharedServiceTest):
    """What the head alone says is wrong."""

    def check(self, path, status, code, fields=(), body=b"hello"):
        with self.case(path=path, fields=dict(fields)), self.service.connect() as connection:
            response = connection.request("POST", path, body, fields)
            self.assert_problem(response, status, code)
            # The body was small and read: the connection is still good.
            self.assertFalse(response.closes)
            self.assertEqual(connection.request("POST", COMPRESS + "?coding=identity", b"x").body,
                             b"x")

    def test_unknown_codings(self):
        for name in ("x", "", "gzip2", "gzip,br", "%00", "gz%69p%20", "compress", "x" * 5000):
            self.check(f"{COMPRESS}?coding={name}", 400, "unknown_coding")
            self.check(f"{DECOMPRESS}?coding={name}", 400, "unknown_coding")
            self.check(f"{TRANSCODE}?to={name}", 400, "unknown_coding")
            self.check(f"{TRANSCODE}?to=gzip&from={name}", 400, "unknown_coding")
        self.check(f"{DECOMPRESS}?coding=auto", 400, "unknown_coding")
        self.check(f"{TRANSCODE}?to=auto", 400, "unknown_coding")

    def test_levels(self):
        for name, coding in CODINGS.items():
            out = [coding.levels[-1] + 1, coding.levels[0] - 1, 999, "1.5", "", "x", "+1", "0x1",
                   "1%20", 2 ** 64 + 1]
            for level in out:
                self.check(f"{COMPRESS}?coding={name}&level={level}", 400, "invalid_level")
                self.check(f"{TRANSCODE}?to={name}&level={level}", 400, "invalid_level")
        self.check(f"{COMPRESS}?level=10", 400, "invalid_level")  # of the default coding

    def test_windows(self):
        for name, coding in CODINGS.items():
            least, most, _ = coding.windows
            for window in (least - 1, most + 1, 0, "-1", "", "x", "64k", 2 ** 64 + least):
                self.check(f"{COMPRESS}?coding={name}&window={window}", 400, "invalid_window")
                self.check(f"{TRANSCODE}?to={name}&window={window}", 400, "invalid_window")

    def test_parameters(self):
        for query in ("coding=auto&level=1", "coding=auto&window=32768", "coding=identity&level=1",
                      "coding=identity&window=32768", "coding=gzip&dictionary=x",
                      "coding=br&dictionary=x", "coding=deflate&dictionary=x", "label=x", "label=",
                      "coding=auto&prefer=x", "coding=gzip&prefer=speed", "prefer=speed",
                      "label=encoding&level=1", "label=encoding&window=32768",
                      "coding=auto&dictionary=x", "coding=gzip&coding=gzip",
                      "coding=gzip&level=1&level=1", "label=media-type&label=encoding",
                      "coding=%zz"):
            self.check(f"{COMPRESS}?{query}", 400, "invalid_parameter")
        for query in ("x=y", "Coding=gzip", "coding=gzip&x", "to=gzip", "from=gzip", "size=1",
                      "levle=3", "%00=1"):
            self.check(f"{COMPRESS}?{query}", 400, "unknown_parameter")
        for query in ("level=1", "label=encoding", "to=gzip", "window=32768", "x"):
            self.check(f"{DECOMPRESS}?{query}", 400, "unknown_parameter")
        self.check(f"{DECOMPRESS}?coding=gzip&coding=gzip", 400, "invalid_parameter")
        for query in ("", "from=gzip", "to=gzip&to=gzip", "to=gzip&from=gzip&from=gzip"):
            self.check(f"{TRANSCODE}?{query}", 400, "invalid_parameter")
        self.check(f"{TRANSCODE}?to=gzip&coding=gzip", 400, "unknown_parameter")
        self.check(f"{TRANSCODE}?to=identity&level=1", 400, "invalid_parameter")

    def test_dictionaries_that_are_not_there(self):
        for query in ("coding=zstd&dictionary=x", "coding=lz4&dictionary=1", "dictionary=x"):
            self.check(f"{COMPRESS}?{query}", 404, "unknown_dictionary")
        self.check(f"{TRANSCODE}?to=zstd&dictionary=x", 404, "unknown_dictionary")

    def test_nothing_acceptable(self):
        for accept in ("identity;q=0", "*;q=0", "identity;q=0, x", "gzip;q=0, *;q=0"):
            self.check(f"{COMPRESS}?label=encoding", 406, "not_acceptable",
                       {"Accept-Encoding": accept})

    def test_content_encodings_that_are_not_taken(self):
        for value in ("x", "compress", "gzip, x", "auto", "gzip;q=1", "gzip br",
                      "gzip, gzip, gzip", "gzip, br, zstd, lz4"):
            for path in (f"{COMPRESS}?coding=gzip", DECOMPRESS, f"{TRANSCODE}?to=gzip"):
                self.check(path, 415, "unsupported_coding", {"Content-Encoding": value})

    def test_bytes_that_are_not_recognised(self):
        for body in (b"hello", b"\x1f", b"\x1f\x8c123456", b"\x28\xb5\x2f\xfe", b"\0" * 100,
                     b"\x78\x9d123"):
            for path in (DECOMPRESS, f"{TRANSCODE}?to=gzip"):
                self.check(path, 415, "unsupported_coding", body=body)

    def test_codings_that_disagree(self):
        packed = CODINGS["gzip"].encode(b"hello")
        for fields in ({"Content-Encoding": "br"}, {"Content-Encoding": "gzip, gzip"},
                       {"Content-Type": "application/zstd"}):
            self.check(f"{DECOMPRESS}?coding=gzip", 400, "conflicting_coding", fields, packed)
            self.check(f"{TRANSCODE}?to=br&from=gzip", 400, "conflicting_coding", fields, packed)

    def test_what_is_not_there(self):
        for path in ("/", "/v1", "/v1/", "/v1/compress/", "/v1/compres", "/V1/compress",
                     "/v2/compress", "/v1/compress%2f", "/metrics"):
            self.check(path, 404, "not_found")

    def test_problems_say_what_to_do(self):
        problem = self.post(f"{COMPRESS}?coding=gzip&level=12").json()
        self.assertIn("12", problem["detail"])
        self.assertIn("1 to 9", problem["detail"])
        problem = self.post(f"{COMPRESS}?coding=zstd&window=134217728").json()
        self.assertIn("--max-window-bytes", problem["detail"])

    def test_what_is_posted_stays_out_of_problems_and_logs(self):
        secret = b"tr0ub4dor" * 10
        for path in (DECOMPRESS, f"{DECOMPRESS}?coding=gzip", f"{COMPRESS}?coding=x"):
            self.assertNotIn(b"tr0ub4dor", self.post(path, secret).body)
        self.assertNotIn("tr0ub4dor", self.service.log_text())


class DamagedInputTest(SharedServiceTest):
    """Truncation, flipped bits, bytes behind the end, of every coding."""

    flags = {"max_output_bytes": "64m"}

    def decompress(self, name, packed, **options):
        """Returns the answer; one that broke off has status 0."""
        try:
            return self.post(f"{DECOMPRESS}?coding={name}", packed, **options)
        except BrokenOff as broken:
            self.assertIsNotNone(broken.response, "ended without an answer")
            broken.response.status = 0
            return broken.response

    def body(self, size):
        return (codings.text(size) + codings.random_bytes(size // 4 + 1))[:size]

    def test_empty_bodies(self):
        for name in CODINGS:
            for chunked in (False, True):
                with self.case(coding=name, chunked=chunked):
                    problem = self.assert_problem(self.decompress(name, b"", chunked=chunked),
                                                  422, "truncated_input")
                    self.assertEqual(problem.get("offset", 0), 0)
        self.assert_problem(self.post(DECOMPRESS), 422, "truncated_input")
        self.assert_problem(self.post(f"{TRANSCODE}?to=gzip"), 422, "truncated_input")
        self.assert_problem(self.post(f"{COMPRESS}?coding=gzip", b"", {"Content-Encoding": "gzip"}),
                            422, "truncated_input")

    def test_truncated_anywhere(self):
        data = self.body(700)
        for name, coding in CODINGS.items():
            packed = coding.encode(data)
            step = 1 if len(packed) < 300 else 3
            for cut in range(1, len(packed), step):
                with self.case(coding=name, cut=cut):
                    problem = self.assert_problem(self.decompress(name, packed[:cut]), 422,
                                                  "truncated_input")
                    if "offset" in problem:
                        self.assertLessEqual(problem["offset"], cut)

    def test_truncated_where_the_first_bytes_decide(self):
        for name in SNIFFABLE:
            packed = CODINGS[name].encode(b"hello" * 50)
            for cut in range(1, len(packed)):
                with self.case(coding=name, cut=cut):
                    response = self.post(DECOMPRESS, packed[:cut])
                    if cut < 6 and response.status == 415:
                        self.assert_problem(response, 415, "unsupported_coding")
                    else:
                        self.assert_problem(response, 422, "truncated_input")

    def test_truncated_streams_break_off(self):
        data = self.body(1 << 20)
        for name, coding in CODINGS.items():
            packed = coding.encode(data)
            for part in (0.1, 0.5, 0.9):
                with self.case(coding=name, part=part):
                    response = self.decompress(name, packed[:int(len(packed) * part)])
                    if response.status == 0:
                        self.assertTrue(response.chunked)
                        self.assert_same_bytes(response.body, data[:len(response.body)])
                    else:
                        self.assert_problem(response, 422, "truncated_input")
            with self.case(coding=name, part="all but the last byte"):
                response = self.decompress(name, packed[:-1])
                self.assertEqual(response.status, 0)
                self.assert_same_bytes(response.body, data[:len(response.body)])

    def test_what_fails_before_the_first_byte_has_its_status(self):
        # More than the held-back 64 KiB came out of the first slice, but nothing of it was written
        # when the second one failed.
        name, coding = "br", CODINGS["br"]
        damaged = bytearray(coding.encode(self.body(400_000)))
        damaged[len(damaged) // 4] ^= 0x10
        for _ in range(100):
            self.check_damaged(name, bytes(damaged), None, False)

    def check_damaged(self, name, damaged, data, has_checksum):
        response = self.decompress(name, damaged)
        if response.status == 0:
            return
        if response.status == 200:
            # Not every bit matters, but with a checksum the bytes must be right.
            if has_checksum:
                self.assert_same_bytes(response.body, data)
            return
        self.assertIn(response.status, (413, 415, 422), response)
        self.assertIn(response.json()["code"], (
            "corrupt_input", "truncated_input", "trailing_data", "checksum_mismatch",
            "unknown_dictionary", "window_too_large", "output_limit_exceeded"), response)

    def test_one_flipped_bit_anywhere(self):
        data = self.body(500)
        for name, coding in CODINGS.items():
            packed = coding.encode(data)
            checked = name not in ("br", "lz4")  # lz4: the frame says whether there are checksums
            for at in range(len(packed)):
                for bit in (0, 3, 7) if at > 20 else range(8):
                    damaged = bytearray(packed)
                    damaged[at] ^= 1 << bit
                    with self.case(coding=name, at=at, bit=bit):
                        self.check_damaged(name, bytes(damaged), data, checked)

    def test_flipped_bits_in_streams(self):
        data = self.body(400_000)
        source = random.Random(7)
        for name, coding in CODINGS.items():
            packed = coding.encode(data)
            for _ in range(12):
                damaged = bytearray(packed)
                at = source.randrange(20, len(damaged))
                damaged[at] ^= 1 << source.randrange(8)
                with self.case(coding=name, at=at):
                    self.check_damaged(name, bytes(damaged), data, name != "br")

    def test_noise(self):
        source = random.Random(11)
        heads = {"lz4": b"\x04\x22\x4d\x18", "zstd": b"\x28\xb5\x2f\xfd", "gzip": b"\x1f\x8b\x08\0",
                 "deflate": b"\x78\x9c", "br": b""}
        for name in CODINGS:
            for size in (1, 4, 30, 1000, 70_000):
                noise = source.randbytes(size)
                for packed in (noise, heads[name] + noise):
                    with self.case(coding=name, size=size):
                        self.check_damaged(name, packed, None, False)

    def test_wrong_checksums(self):
        data = self.body(500)
        for name, at in (("gzip", -6), ("deflate", -1), ("zstd", -1), ("lz4", -1)):
            damaged = bytearray(CODINGS[name].encode(data))
            damaged[at] ^= 1
            with self.case(coding=name):
                self.assert_problem(self.decompress(name, bytes(damaged)), 422,
                                    "checksum_mismatch")

    def test_wrong_sizes(self):
        damaged = bytearray(CODINGS["gzip"].encode(b"hello"))
        damaged[-4] ^= 1
        response = self.decompress("gzip", bytes(damaged))
        self.assertEqual(response.status, 422)
        self.assertIn(response.json()["code"], ("checksum_mismatch", "corrupt_input"))

    def test_corrupt_input_names_the_offset(self):
        damaged = CODINGS["gzip"].encode(b"hello")
        damaged = damaged[:10] + b"\x07" + damaged[11:]  # a block type that is none
        for front in (b"", CODINGS["gzip"].encode(codings.text(3000))):
            problem = self.assert_problem(self.decompress("gzip", front + damaged), 422,
                                          "corrupt_input")
            self.assertGreaterEqual(problem["offset"], len(front))
            self.assertLessEqual(problem["offset"], len(front) + len(damaged))

    def test_bytes_behind_the_end(self):
        data = self.body(500)
        for name, coding in CODINGS.items():
            for rest in (b"x", b"trailing garbage", bytes(50), b"\n", codings.random_bytes(100_000)):
                packed = coding.encode(data)
                with self.case(coding=name, rest=rest[:20]):
                    response = self.decompress(name, packed + rest)
                    problem = self.assert_problem(response, 422, "trailing_data")
                    self.assertEqual(problem["offset"], len(packed))

    def test_half_a_frame_behind_a_whole_one(self):
        for name in ("gzip", "zstd", "lz4"):
            packed = CODINGS[name].encode(b"hello")
            for cut in range(1, len(packed)):
                with self.case(coding=name, cut=cut):
                    response = self.decompress(name, packed + packed[:cut])
                    self.assertEqual(response.status, 422)
                    self.assertIn(response.json()["code"],
                                  ("truncated_input", "trailing_data") if cut < 5
                                  else ("truncated_input",))

    def test_another_coding_behind_the_end(self):
        response = self.decompress("gzip", CODINGS["gzip"].encode(b"x") + CODINGS["zstd"].encode(b"y"))
        self.assert_problem(response, 422, "trailing_data")

    def test_the_wrong_coding_by_name(self):
        for name in CODINGS:
            for other in CODINGS:
                if name != other:
                    with self.case(named=name, is_a=other):
                        response = self.decompress(name, CODINGS[other].encode(self.body(300)))
                        self.assertEqual(response.status, 422, response)

    def test_dictionaries_of_frames_that_are_not_there(self):
        # Header with a 4-byte dictionary id, single segment, content size 5.
        frame = b"\x28\xb5\x2f\xfd\x23\x78\x56\x34\x12\x05\x29\x00\x00hello"
        problem = self.assert_problem(self.decompress("zstd", frame), 422, "unknown_dictionary")
        self.assertIn(str(0x12345678), problem["detail"])

    def test_zlib_with_a_preset_dictionary(self):
        compressor = zlib.compressobj(zdict=b"hello hello")
        packed = compressor.compress(b"hello") + compressor.flush()
        response = self.decompress("deflate", packed)
        self.assertEqual(response.status, 422)

    def test_damage_in_transport_codings(self):
        data = self.body(700)
        packed = CODINGS["gzip"].encode(data)
        for path in (f"{COMPRESS}?coding=lz4", f"{TRANSCODE}?to=lz4", DECOMPRESS):
            with self.case(path=path):
                response = self.post(path, packed[:-3], {"Content-Encoding": "gzip"})
                self.assert_problem(response, 422, "truncated_input")
        inner = CODINGS["zstd"].encode(data)
        packed = CODINGS["gzip"].encode(inner[:-3])
        response = self.post(DECOMPRESS, packed, {"Content-Encoding": "zstd, gzip"})
        self.assert_problem(response, 422, "truncated_input")

    def test_damaged_streams_never_end_cleanly_in_any_operation(self):
        data = self.body(1 << 20)
        packed = CODINGS["gzip"].encode(data)[:-4]
        for path, fields in ((f"{COMPRESS}?coding=identity", {"Content-Encoding": "gzip"}),
                             (f"{TRANSCODE}?to=lz4", {}), (DECOMPRESS, {})):
            for chunked in (False, True):
                with self.case(path=path, chunked=chunked):
                    with self.assertRaises(BrokenOff):
                        self.post(path, packed, fields, chunked=chunked)

    def test_http10_clients_see_a_reset(self):
        packed = CODINGS["gzip"].encode(self.body(1 << 20))[:-4]
        head, pieces = service.make_request("POST", DECOMPRESS, packed, version="HTTP/1.0")
        with self.service.connect() as connection:
            sender = service.threading.Thread(target=connection._send_pieces, args=(head, pieces))
            sender.start()
            with self.assertRaises(BrokenOff):
                connection.read_response()
            sender.join()

    def test_refused_bodies_leave_the_connection_in_step(self):
        with self.service.connect() as connection:
            for name, coding in CODINGS.items():
                packed = coding.encode(self.body(500))
                response = connection.request("POST", f"{DECOMPRESS}?coding={name}", packed[:-1])
                self.assert_problem(response, 422, "truncated_input")
                self.assertFalse(response.closes)
                response = connection.request("POST", f"{DECOMPRESS}?coding={name}", packed)
                self.assert_status(response, 200)


class BodyLimitTest(SharedServiceTest):
    flags = {"max_body_bytes": 100_000}

    def test_up_to_the_limit(self):
        for chunked in (False, True):
            response = self.post(f"{COMPRESS}?coding=identity", bytes(100_000), chunked=chunked)
            self.assertEqual(len(response.body), 100_000)

    def test_content_length_over_the_limit_is_refused_unread(self):
        head = (f"POST {COMPRESS}?coding=identity HTTP/1.1\r\nHost: t\r\n"
                "Content-Length: 100001\r\n\r\n").encode()
        with self.service.connect() as connection:
            connection.send(head)
            response = connection.read_response()
            problem = self.assert_problem(response, 413, "body_too_large")
            self.assertEqual((problem["limit"], problem["observed"]), (100_000, 100_001))
            self.assertIn("--max-body-bytes", problem["detail"])
            self.assertTrue(response.closes)

    def test_clients_that_send_all_the_same_get_their_answer(self):
        for chunked in (False, True):
            for size in (100_001, 4 << 20):
                with self.case(size=size, chunked=chunked):
                    head, pieces = service.make_request(
                        "POST", f"{COMPRESS}?coding=lz4", bytes(size), chunked=chunked)
                    with self.service.connect() as connection:
                        connection._send_pieces(head, pieces)  # all of it before it reads
                        response = connection.read_response()
                        self.assert_problem(response, 413, "body_too_large")
                        self.assertTrue(response.closes)

    def test_chunked_over_the_limit(self):
        for size in (100_001, 1_000_000):
            with self.case(size=size):
                response = self.post(f"{COMPRESS}?coding=lz4", bytes(size), chunked=True)
                problem = self.assert_problem(response, 413, "body_too_large")
                self.assertEqual(problem["limit"], 100_000)
                self.assertTrue(response.closes)

    def test_chunked_over_the_limit_behind_output(self):
        try:
            response = self.post(f"{COMPRESS}?coding=identity", bytes(1_000_000), chunked=True)
        except BrokenOff as broken:
            self.assertLessEqual(len(broken.response.body), 100_000)
        else:
            self.assert_problem(response, 413, "body_too_large")

    def test_a_chunk_that_says_it_is_too_long(self):
        wire = (f"POST {COMPRESS}?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                "Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n" + "x" * 100_001).encode()
        with self.service.connect() as connection:
            connection.send(wire)
            self.assert_problem(connection.read_response(), 413, "body_too_large")

    def test_hits_are_counted(self):
        before = self.service.metric("frdpu_limit_hits_total", code="body_too_large")
        self.post(f"{COMPRESS}?coding=lz4", bytes(100_001))
        after = self.service.metric("frdpu_limit_hits_total", code="body_too_large")
        self.assertEqual(after, before + 1)


class OutputLimitTest(SharedServiceTest):
    flags = {"max_output_bytes": 1_000_000}

    def test_decoded_bytes(self):
        for name, coding in CODINGS.items():
            with self.case(coding=name, at="the limit"):
                packed = coding.encode(bytes(1_000_000))
                self.assertEqual(len(self.post(f"{DECOMPRESS}?coding={name}", packed).body),
                                 1_000_000)
            with self.case(coding=name, at="the limit, in two"):
                if name in ("gzip", "zstd", "lz4"):
                    packed = coding.encode(bytes(500_000)) * 2
                    self.assertEqual(len(self.post(f"{DECOMPRESS}?coding={name}", packed).body),
                                     1_000_000)
            for size in (1_000_001, 30_000_000):
                with self.case(coding=name, size=size):
                    packed = coding.encode(bytes(size))
                    try:
                        response = self.post(f"{DECOMPRESS}?coding={name}", packed)
                    except BrokenOff as broken:
                        self.assertLessEqual(len(broken.response.body), 1_000_000)
                    else:
                        problem = self.assert_problem(response, 413, "output_limit_exceeded")
                        self.assertEqual(problem["limit"], 1_000_000)
                        self.assertIn("--max-output-bytes", problem["detail"])

    def test_declared_sizes_refuse_early(self):
        frame = codings.run("zstd", "-q", "-c", "--stream-size=3000000")(bytes(3_000_000))
        problem = self.assert_problem(self.post(DECOMPRESS, frame), 413, "output_limit_exceeded")
        self.assertEqual(problem["observed"], 3_000_000)
        # A size of 2^62: refused by what it says, not by what it is.
        head = b"\x04\x22\x4d\x18" + bytes([0x68, 0x40]) + (1 << 62).to_bytes(8, "little")
        response = self.post(f"{DECOMPRESS}?coding=lz4",
                             head + lz4_header_checksum(head) + bytes(4))
        self.assert_problem(response, 413, "output_limit_exceeded")

    def test_transport_coding_and_transcoding_are_limited_too(self):
        packed = CODINGS["gzip"].encode(bytes(1_000_001))
        for path, fields in ((f"{COMPRESS}?coding=lz4", {"Content-Encoding": "gzip"}),
                             (f"{TRANSCODE}?to=lz4", {})):
            with self.case(path=path):
                self.assert_problem(self.post(path, packed, fields), 413, "output_limit_exceeded")

    def test_the_first_of_two_codings_is_limited_too(self):
        bomb = CODINGS["gzip"].encode(CODINGS["gzip"].encode(bytes(1 << 30 >> 4)))
        response = None
        try:
            response = self.post(DECOMPRESS, bomb, {"Content-Encoding": "gzip, gzip"})
        except BrokenOff:
            return
        self.assert_problem(response, 413, "output_limit_exceeded")

    def test_hits_are_counted(self):
        before = self.service.metric("frdpu_limit_hits_total", code="output_limit_exceeded")
        self.post(DECOMPRESS, codings.run("zstd", "-q", "-c", "--stream-size=3000000")(
            bytes(3_000_000)))
        after = self.service.metric("frdpu_limit_hits_total", code="output_limit_exceeded")
        self.assertEqual(after, before + 1)


class WindowLimitTest(SharedServiceTest):
    flags = {"max_window_bytes": "1m"}

    def test_windows(self):
        data = codings.text(3_000_000)
        # What a frame needs counts, not what it could have needed.
        sized = codings.run("zstd", "-q", "-c", "--long=22", "-3", "--stream-size=900000")
        self.assert_status(self.post(DECOMPRESS, sized(data[:900_000])), 200)
        zstd = codings.run("zstd", "-q", "-c", "--long=22", "-3")
        problem = self.assert_problem(self.post(DECOMPRESS, zstd(data)), 413, "window_too_large")
        self.assertEqual(problem["limit"], 1 << 20)
        self.assertEqual(problem["observed"], 1 << 22)
        self.assertIn("--max-window-bytes", problem["detail"])
        problem = self.assert_problem(
            self.post(DECOMPRESS, codings.run("lz4", "-q", "-c", "-B7")(data)), 413,
            "window_too_large")
        self.assertEqual(problem["observed"], 4 << 20)
        # The flag is for formats that leave the window to the sender: brotli's ends at 16 MiB.
        brotli = codings.run("brotli", "-q", "4", "-w", "22", "-c")
        self.assert_same_bytes(self.post(f"{DECOMPRESS}?coding=br", brotli(data)).body, data)

    def test_the_windows_of_compress_are_capped_too(self):
        self.assert_problem(self.post(f"{COMPRESS}?coding=zstd&window={(1 << 20) + 1}"), 400,
                            "invalid_window")
        self.assert_status(self.post(f"{COMPRESS}?coding=zstd&window={1 << 20}"), 200)
        frame = self.post(f"{COMPRESS}?coding=zstd&level=19", codings.text(2_000_000),
                          chunked=True).body
        self.assertLessEqual(codings.zstd_window_bytes(frame), 1 << 20)

    def test_hits_are_counted(self):
        before = self.service.metric("frdpu_limit_hits_total", code="window_too_large")
        self.post(DECOMPRESS, codings.run("lz4", "-q", "-c", "-B7")(codings.text(3_000_000)))
        after = self.service.metric("frdpu_limit_hits_total", code="window_too_large")
        self.assertEqual(after, before + 1)


def lz4_header_checksum(head):
    """The second byte of the XXH32 of a frame's descriptor."""
    return bytes([xxh32(head[4:]) >> 8 & 0xFF])


def xxh32(data):
    """XXH32 with seed 0 of fewer than 16 bytes."""
    prime1, prime2, prime3 = 2654435761, 2246822519, 3266489917
    prime4, prime5, mask = 668265263, 374761393, 0xFFFFFFFF
    assert len(data) < 16
    value = (prime5 + len(data)) & mask
    at = 0
    while at + 4 <= len(data):
        value = (value + int.from_bytes(data[at:at + 4], "little") * prime3) & mask
        value = ((value << 17 | value >> 15) & mask) * prime4 & mask
        at += 4
    for byte in data[at:]:
        value = (value + byte * prime5) & mask
        value = ((value << 11 | value >> 21) & mask) * prime1 & mask
    value = (value ^ value >> 15) * prime2 & mask
    value = (value ^ value >> 13) * prime3 & mask
    return value ^ value >> 16


class RatioLimitTest(SharedServiceTest):
    flags = {"max_ratio": 50, "max_output_bytes": 0}

    def test_only_past_the_first_16_mib(self):
        for name, coding in CODINGS.items():
            small = coding.encode(bytes(16 << 20))
            with self.case(coding=name, size=16 << 20):
                self.assertEqual(len(self.post(f"{DECOMPRESS}?coding={name}", small).body), 16 << 20)
            large = coding.encode(bytes(40 << 20))
            with self.case(coding=name, size=40 << 20):
                with self.assertRaises(BrokenOff) as broken:
                    self.post(f"{DECOMPRESS}?coding={name}", large)
                got = len(broken.exception.response.body)
                self.assertLessEqual(got, (16 << 20) + (1 << 20))

    def test_ordinary_ratios_pass(self):
        data = codings.text(20 << 20)
        packed = self.post(f"{COMPRESS}?coding=lz4", data).body
        self.assert_same_bytes(self.post(DECOMPRESS, packed).body, data)

    def test_is_counted(self):
        before = self.service.metric("frdpu_limit_hits_total", code="ratio_limit_exceeded")
        with self.assertRaises(BrokenOff):
            self.post(DECOMPRESS, gzip.compress(bytes(40 << 20)))
        after = self.service.metric("frdpu_limit_hits_total", code="ratio_limit_exceeded")
        self.assertEqual(after, before + 1)


class HeaderLimitTest(SharedServiceTest):
    flags = {"max_header_bytes": 1024}

    def test_lines_and_heads_over_the_limit(self):
        for path, fields, status, code in (
                ("/" + "x" * 1100, {}, 414, "uri_too_long"),
                ("/" + "x" * 5000, {}, 414, "uri_too_long"),
                ("/" + "x" * 70_000, {}, 414, "uri_too_long"),
                ("/v1/codings", {"X": "y" * 1000}, 431, "headers_too_large"),
                ("/v1/codings", {"X": "y" * 70_000}, 431, "headers_too_large")):
            with self.case(size=len(path), status=status):
                with self.service.connect() as connection:
                    response = connection.request("GET", path, None, fields)
                    problem = self.assert_problem(response, status, code)
                    self.assertEqual(problem["limit"], 1024)
                    self.assertGreater(problem["observed"], 1024)
                    self.assertIn("--max-header-bytes", problem["detail"])
                    self.assertTrue(response.closes)
        self.assertGreater(
            self.service.metric("frdpu_limit_hits_total", code="headers_too_large"), 0)


class CpuLimitTest(SharedServiceTest):
    flags = {"max_cpu_seconds": 1, "compute_threads": 1}

    def test_long_work_is_broken_off(self):
        # 4 MiB at level 19 take several seconds.
        body = codings.text(16 << 20)
        with self.service.connect() as connection:
            try:
                response = connection.request("POST", f"{COMPRESS}?coding=zstd&level=19", body)
            except BrokenOff:
                pass
            else:
                problem = self.assert_problem(response, 503, "cpu_limit_exceeded")
                self.assertIn("--max-cpu-seconds", problem["detail"])
                self.assertEqual(problem["limit"], 1)
        self.assertEqual(self.service.metric("frdpu_limit_hits_total", code="cpu_limit_exceeded"), 1)
        self.assert_status(self.post(f"{COMPRESS}?coding=zstd", b"hello"), 200)


class SmallPoolTest(TestCase):
    """Pools so small that a few requests empty them."""

    def hold_bodies(self, service_, count, sent=200):
        """Opens requests that hold blocks: their bodies do not go on."""
        held = []
        for _ in range(count):
            connection = service_.connect()
            connection.send(b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                            b"Content-Length: 60000\r\n\r\n" + b"x" * sent)
            held.append(connection)
        return held

    def test_an_empty_64k_pool_answers_503_and_recovers(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=4, queue_timeout="100ms") as small:
            def in_use():
                return small.pools()["64k"]["in_use"]
            held = self.hold_bodies(small, 4)
            self.assertTrue(small.eventually(lambda: in_use() == 4), small.pools())
            with small.connect() as connection:
                response = connection.request("POST", f"{COMPRESS}?coding=lz4", bytes(60_000))
                self.assert_problem(response, 503, "pool_exhausted")
            pool = small.pools()["64k"]
            self.assertEqual(pool["available"], 0)
            self.assertEqual(pool["peak"], 4)
            self.assertGreater(pool["exhaustions"], 0)
            self.assertGreater(small.metric("frdpu_limit_hits_total", code="pool_exhausted"), 0)
            # A small request needs no large block.
            self.assert_status(small.post(f"{COMPRESS}?coding=identity", b"hello"), 200)
            # Two give up, so that one has a block for its result.
            held.pop().close()
            held.pop().close()
            self.assertTrue(small.eventually(lambda: in_use() == 2))
            held[0].send(b"x" * 59_800)
            self.assert_status(held[0].read_response(), 200)
            self.assert_status(small.post(f"{COMPRESS}?coding=lz4", bytes(60_000)), 200)
            for connection in held:
                connection.close()
            self.assert_books_balanced(small)

    def test_who_waits_gets_the_block_that_comes_back(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=4, queue_timeout="20s") as small:
            held = self.hold_bodies(small, 4)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 4))
            waiter = small.connect()
            head, pieces = service.make_request("POST", f"{COMPRESS}?coding=lz4", bytes(60_000))
            waiter.send(head + pieces[0])
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["exhaustions"] > 0))
            for connection in held:
                connection.close()
            self.assert_status(waiter.read_response(), 200)
            waiter.close()
            self.assert_books_balanced(small)

    def test_the_last_blocks_are_for_results(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=8, queue_timeout="100ms",
                     ready_grace="0s") as small:
            held = self.hold_bodies(small, 6)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 6))
            self.assert_status(small.admin("/readyz"), 200)
            held += self.hold_bodies(small, 1)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 7))
            self.assertTrue(small.eventually(lambda: small.admin("/readyz").status == 503))
            self.assert_problem(small.post(f"{COMPRESS}?coding=lz4", bytes(60_000)), 503,
                                "pool_exhausted")
            self.assertGreater(small.pools()["64k"]["exhaustions"], 0)
            for connection in held:
                connection.send(b"x" * 59_800)
            for connection in held:
                self.assert_status(connection.read_response(), 200)
                connection.close()
            self.assert_books_balanced(small)

    def test_a_result_that_finds_no_second_block_leaves_by_the_first(self):
        text = codings.text(150_000)  # 1 block of input, 3 of result
        with Service(pool_mtu_blocks=64, pool_64k_blocks=3, queue_timeout="2s") as small:
            held = self.hold_bodies(small, 1)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 1))
            response = small.post("/v1/decompress?coding=zstd",
                                  codings.CODINGS["zstd"].encode(text))
            self.assert_status(response, 200)
            self.assertEqual(response.body, text)
            self.assertEqual(small.pools()["64k"]["peak"], 3)
            held[0].close()
            self.assert_books_balanced(small)

    def test_a_crowd_larger_than_the_pool_is_served_in_turn(self):
        # 30 clients with a megabyte each, and blocks for a few of them at a time.
        text = codings.text(1 << 20)
        zstd = codings.CODINGS["zstd"].encode(text)
        for path, body, chunked in [(f"{COMPRESS}?coding=zstd&level=1", text, False),
                                    (f"{COMPRESS}?coding=zstd&level=1", text, True),
                                    ("/v1/decompress?coding=zstd", zstd, False)]:
            with self.subTest(path=path, chunked=chunked), \
                    Service(pool_mtu_blocks=256, pool_64k_blocks=40, threads=2,
                            queue_timeout="20s") as small:
                def ask(_):
                    with small.connect() as connection:
                        for _ in range(3):
                            response = connection.request("POST", path, body, chunked=chunked)
                            self.assert_status(response, 200)
                            decoded = (response.body if "decompress" in path
                                       else codings.CODINGS["zstd"].decode(response.body))
                            self.assertEqual(len(decoded), len(text))
                with concurrent.futures.ThreadPoolExecutor(30) as clients:
                    list(clients.map(ask, range(30)))
                self.assert_books_balanced(small)

    def test_chunked_bodies_that_began_find_their_second_block(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=32, queue_timeout="20s") as small:
            held = []
            for _ in range(28):  # each has a block for what it received
                held.append(small.connect())
                held[-1].send(b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                              b"Transfer-Encoding: chunked\r\n\r\n2710\r\n" + bytes(3_000))
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 28))
            for connection in held:
                connection.send(bytes(7_000) + b"\r\n0\r\n\r\n")
            for connection in held:
                self.assert_status(connection.read_response(), 200)
                connection.close()
            self.assert_books_balanced(small)

    def test_a_chunked_body_that_pauses_holds_no_block_for_what_may_come(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=32) as small:
            paused = small.connect()
            paused.send(b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")
            self.let_the_loop_turn(small, 10)
            self.assertEqual(small.pools()["64k"]["in_use"], 0)
            paused.send(b"".join(service.encode_chunks(b"hello")))
            self.assert_status(paused.read_response(), 200)
            paused.close()

    def begin_body(self, service_, length):
        connection = service_.connect()
        connection.send(b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                        b"Content-Length: %d\r\n\r\n" % length)
        return connection

    def let_the_loop_turn(self, service_, times):
        with service_.connect() as connection:
            for _ in range(times):
                self.assert_status(connection.request("POST", f"{COMPRESS}?coding=lz4", b"hello"), 200)

    def test_what_came_before_it_waited_is_read_behind_it(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=128, threads=1, compute_threads=2,
                     queue_timeout="20s", body_timeout="2s") as small:
            holder = self.begin_body(small, 4 << 20)
            self.assertTrue(small.eventually(lambda: small.pools()["mtu"]["in_use"] == 1))
            waiter = small.connect()
            head, pieces = service.make_request(
                "POST", f"{COMPRESS}?coding=gzip&level=1&split=262144", random.randbytes(120_000),
                chunked=True, chunk_bytes=50_000)
            pieces = list(pieces)
            waiter.send(head + pieces[0])
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] > 0))
            waiter.send(b"".join(pieces[1:]))
            self.let_the_loop_turn(small, 10)
            holder.close()
            self.assert_status(waiter.read_response(), 200)
            waiter.close()
            self.assert_books_balanced(small)

    def test_a_small_body_passes_a_large_one_that_waits(self):
        with Service(pool_mtu_blocks=64, pool_64k_blocks=32, queue_timeout="20s") as small:
            holder = self.begin_body(small, 1 << 20)  # 18 of the 24 blocks that may be promised
            self.assertTrue(small.eventually(lambda: small.pools()["mtu"]["in_use"] == 1))
            waiter = self.begin_body(small, 1 << 20)
            self.assertTrue(small.eventually(lambda: small.pools()["mtu"]["in_use"] == 2))
            self.assert_status(small.post(f"{COMPRESS}?coding=lz4", bytes(100_000)), 200)
            holder.close()
            waiter.send(bytes(1 << 20))
            self.assert_status(waiter.read_response(), 200)
            waiter.close()
            self.assert_books_balanced(small)

    def test_a_worker_that_finds_no_block_tries_again_without_a_loop(self):
        # brotli 11 runs on a worker; its body has the last block, so that there is none for the
        # result.
        path = f"{COMPRESS}?coding=br&level=11"
        body = codings.text(60_000)
        with Service(pool_mtu_blocks=64, pool_64k_blocks=4, queue_timeout="500ms") as small:
            held = self.hold_bodies(small, 3)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 3))
            problem = self.assert_problem(small.post(path, body), 503, "pool_exhausted")
            self.assertIn("--pool-64k-blocks", problem["detail"])
            tries = small.pools()["64k"]["exhaustions"]
            self.assertGreater(tries, 1)
            self.assertLess(tries, 250)  # a try each 5 ms
            for connection in held:
                connection.close()
            self.assert_books_balanced(small)
        with Service(pool_mtu_blocks=64, pool_64k_blocks=4, queue_timeout="20s") as small:
            held = self.hold_bodies(small, 3)
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["in_use"] == 3))
            waiter = small.connect()
            head, pieces = service.make_request("POST", path, body)
            waiter.send(head + pieces[0])
            self.assertTrue(small.eventually(lambda: small.pools()["64k"]["exhaustions"] > 2))
            # Nor as often as others are served.
            tries, begun = small.pools()["64k"]["exhaustions"], time.monotonic()
            self.let_the_loop_turn(small, 1_000)
            most = 300 + 500 * (time.monotonic() - begun)
            self.assertLess(small.pools()["64k"]["exhaustions"] - tries, most)
            for connection in held:
                connection.close()
            self.assert_status(waiter.read_response(), 200)
            waiter.close()
            self.assert_books_balanced(small)

    def test_an_empty_mtu_pool_is_helped_out(self):
        with Service(pool_mtu_blocks=2, pool_64k_blocks=64, queue_timeout="100ms") as small:
            held = []
            for _ in range(10):  # half a head holds a block
                connection = small.connect()
                connection.send(b"POST /v1/compress HTTP/1.1\r\n")
                held.append(connection)
            self.assertTrue(small.eventually(lambda: small.pools()["mtu"]["in_use"] == 2))
            self.assert_status(small.post(f"{COMPRESS}?coding=lz4", b"hello"), 200)
            pools = small.pools()
            self.assertGreater(pools["mtu"]["fallbacks"], 0)
            self.assertGreater(pools["64k"]["in_use"], 0)
            for connection in held:
                connection.send(b"Host: t\r\nContent-Length: 5\r\n\r\nhello")
                self.assert_status(connection.read_response(), 200)
                connection.close()
            self.assert_books_balanced(small)

    def test_without_any_block_the_answer_is_still_503(self):
        with Service(pool_mtu_blocks=2, pool_64k_blocks=4, queue_timeout="100ms",
                     header_timeout="60s") as small:
            held = []
            for _ in range(6):
                connection = small.connect()
                connection.send(b"POST /v1/compress HTTP/1.1\r\n")
                held.append(connection)
            self.assertTrue(small.eventually(
                lambda: small.pools()["mtu"]["in_use"] + small.pools()["64k"]["in_use"] == 6))
            response = small.post(f"{COMPRESS}?coding=lz4", b"hello")
            self.assert_problem(response, 503, "pool_exhausted")
            self.assertTrue(response.closes)
            for connection in held:
                connection.close()
            self.assertTrue(small.eventually(lambda: small.unbalanced() == {}))
            self.assert_status(small.post(f"{COMPRESS}?coding=lz4", b"hello"), 200)
            self.assert_books_balanced(small)

    def test_idle_connections_hold_nothing(self):
        with Service(pool_mtu_blocks=8, pool_64k_blocks=16) as small:
            idle = [small.connect() for _ in range(200)]
            for connection in idle:
                self.assert_status(
                    connection.request("POST", f"{COMPRESS}?coding=lz4", b"hello"), 200)
            self.assert_books_balanced(small)
            self.assertEqual(small.metric("frdpu_connections", state="idle"), 200)
            for connection in idle:
                connection.close()

    def test_too_many_workspaces_of_a_kind_answer_503(self):
        with Service(workspace_bytes="700m", queue_timeout="100ms", body_timeout="60s") as small:
            name = "compress-max"  # what level 19 takes
            pool = small.pools()[name]
            self.assertLess(pool["blocks"], 60, "the budget is too large for this test")
            held = []
            for _ in range(pool["blocks"]):
                connection = small.connect()
                connection.send(b"POST /v1/compress?coding=zstd&level=19 HTTP/1.1\r\nHost: t\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n")
                piece = codings.random_bytes(400_000)
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                held.append(connection)
            self.assertTrue(small.eventually(lambda: small.pools()[name]["available"] == 0),
                            small.pools()[name])
            response = small.post(f"{COMPRESS}?coding=zstd&level=19",
                                  codings.random_bytes(400_000), chunked=True)
            problem = self.assert_problem(response, 503, "pool_exhausted")
            self.assertIn("--workspace-bytes", problem["detail"])
            with small.connect() as polite:  # nor is a body invited that nobody could work on
                polite.send(b"POST /v1/compress?coding=zstd&level=19 HTTP/1.1\r\nHost: t\r\n"
                            b"Content-Length: 300000000\r\nExpect: 100-continue\r\n\r\n")
                response = polite.read_response()
                self.assert_problem(response, 503, "pool_exhausted")
                self.assertEqual(response.interim, [])
            # Small ones do not suffer.
            self.assert_status(small.post(f"{COMPRESS}?coding=zstd", b"hello"), 200)
            self.assert_status(small.post(f"{COMPRESS}?coding=gzip", b"hello"), 200)
            for connection in held:
                connection.close()
            self.assert_books_balanced(small)

    def test_room_for_the_result_is_reserved_before_100_continue(self):
        # 8 of 40 blocks are kept for others; 3 MiB of result do not fit the rest.
        with Service(pool_64k_blocks=40, queue_timeout="100ms") as small:
            with small.connect() as connection:
                connection.send(b"POST /v1/compress?coding=lz4 HTTP/1.1\r\nHost: t\r\n"
                                b"Content-Length: 3145728\r\nExpect: 100-continue\r\n\r\n")
                response = connection.read_response()
                self.assert_problem(response, 503, "pool_exhausted")
                self.assertEqual(response.interim, [])
                self.assertTrue(response.closes)

    def test_a_result_that_no_wait_makes_room_for_is_refused_at_once(self):
        with Service(pool_64k_blocks=40, queue_timeout="2m") as small:
            connection = self.begin_body(small, 3 << 20)
            self.assert_problem(connection.read_response(), 503, "pool_exhausted")
            connection.close()
            # A length that is not known needs no such room.
            body = codings.text(3 << 20)
            response = small.post(f"{COMPRESS}?coding=lz4", body, chunked=True)
            self.assert_status(response, 200)
            self.assertEqual(codings.CODINGS["lz4"].decode(response.body), body)


if __name__ == "__main__":
    service.main()
