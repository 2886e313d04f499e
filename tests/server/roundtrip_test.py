#!/usr/bin/env python3
"""The main job: what the service compresses the public tools read, and the other way round.

Also what results say of themselves: fields, trailers, labels, negotiation.
"""

import os
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import codings, service  # noqa: E402
from support.codings import CODINGS, SNIFFABLE  # noqa: E402
from support.service import SharedServiceTest, parse_dictionary  # noqa: E402

TIMING = r"\Aqueue;dur=[0-9]+\.?[0-9]*, codec;dur=[0-9]+\.?[0-9]*\Z"


class RoundTripTest(SharedServiceTest):
    """Each coding over each body, both ways, both framings."""

    flags = {"workspace_bytes": "1g"}

    def compress(self, coding, data, query="", **options):
        response = self.post(f"/v1/compress?coding={coding.name}{query}", data, **options)
        self.assert_status(response, 200)
        self.assertEqual(response.field("Content-Type"), coding.media_type)
        self.assertIsNone(response.field("Content-Encoding"))
        return response.body

    def decompress(self, coding, data, **options):
        response = self.post(f"/v1/decompress?coding={coding.name}", data, **options)
        self.assert_status(response, 200)
        return response.body

    def round_trip(self, coding, data, query="", theirs=True):
        for chunked in (False, True):
            ours = self.compress(coding, data, query, chunked=chunked)
            self.assert_same_bytes(coding.decode(ours), data)
            back = self.decompress(coding, ours, chunked=not chunked)
            self.assert_same_bytes(back, data)
        if theirs:
            packed = coding.encode(data)
            for chunked in (False, True):
                back = self.decompress(coding, packed, chunked=chunked)
                self.assert_same_bytes(back, data)

    def run_over(self, bodies, query=""):
        for name, data in bodies:
            for coding in CODINGS.values():
                with self.case(body=name, coding=coding.name):
                    self.round_trip(coding, data, query)

    def test_corpus(self):
        self.run_over(codings.corpus())

    def test_sizes_around_every_border(self):
        self.run_over(codings.sized())

    def test_large_bodies(self):
        for name, data in codings.large():
            for coding in CODINGS.values():
                with self.case(body=name, coding=coding.name):
                    ours = self.compress(coding, data,
                                         f"&level={coding.fast_level}")
                    self.assert_same_bytes(coding.decode(ours), data)
                    packed = self.compress(coding, data, chunked=True)
                    back = self.decompress(coding, packed, chunked=True)
                    self.assert_same_bytes(back, data)

    def test_every_level(self):
        bodies = [codings.text(3000), codings.text(100_000) + codings.random_bytes(3000)]
        for coding in CODINGS.values():
            sizes = []
            for level in coding.levels:
                for data in bodies[:1] if level > 9 else bodies:
                    with self.case(coding=coding.name, level=level, size=len(data)):
                        query = f"&level={level}"
                        for chunked in (False, True):
                            ours = self.compress(coding, data, query,
                                                 chunked=chunked)
                            self.assert_same_bytes(coding.decode(ours), data)
                sizes.append(len(ours))
            with self.case(coding=coding.name, levels="pay"):
                self.assertLess(sizes[8], sizes[0])

    def test_the_default_level_is_the_tables(self):
        data = codings.text(20_000)
        for coding in CODINGS.values():
            with self.case(coding=coding.name):
                path = f"/v1/compress?coding={coding.name}"
                default = self.post(path, data)
                named = self.post(f"{path}&level={coding.default_level}", data)
                self.assertEqual(default.body, named.body)
                stats = parse_dictionary(default.field("Compression-Stats"))
                self.assertEqual(stats["level"], str(coding.default_level))

    def test_every_window(self):
        data = codings.text(200_000)
        far = codings.random_bytes(20_000) * 3  # matches 20,000 back or none
        for coding in CODINGS.values():
            least, most, _ = coding.windows
            for window in sorted({least, least + 1, 3000, 20_000, 32_767, most - 1, most}):
                with self.case(coding=coding.name, window=window):
                    query = f"&window={window}&level={coding.fast_level + 1}"
                    self.round_trip(coding, data, query, theirs=False)
            with self.case(coding=coding.name, window="is kept to"):
                small = self.compress(coding, far, f"&window={least}&level=5")
                large = self.compress(coding, far, f"&window={most}&level=5")
                self.assertGreater(len(small), 59_000)
                self.assertLess(len(large), 30_000)

    def test_windows_are_rounded_down_never_up(self):
        data = codings.text(100_000)
        zstd, deflate = CODINGS["zstd"], CODINGS["deflate"]
        for window in (1024, 1025, 5000, 65_536, 100_000, (1 << 20) - 1, 8 << 20):
            with self.case(coding="zstd", window=window):
                frame = self.compress(zstd, data, f"&window={window}", chunked=True)
                # None: a single segment, whose window is its content.
                self.assertLessEqual(codings.zstd_window_bytes(frame) or 0, window)
        for window in (512, 513, 1023, 1024, 5000, 16_384, 32_767, 32_768):
            with self.case(coding="deflate", window=window):
                stream = self.compress(deflate, data, f"&window={window}")
                said = codings.zlib_window_bytes(stream)
                self.assertLessEqual(said, window)
                # A decoder that has just the window that the stream asks for can read it.
                decoder = zlib.decompressobj(said.bit_length() - 1)
                self.assert_same_bytes(decoder.decompress(stream) + decoder.flush(), data)

    def test_frames_have_a_checksum_and_the_size_where_it_is_known(self):
        for data in (b"", b"hello", codings.text(1_000_000)):
            for chunked in (False, True):
                known = not chunked or len(data) <= 65_536  # held until its end
                with self.case(size=len(data), chunked=chunked):
                    frame = self.post("/v1/compress?coding=zstd", data, chunked=chunked).body
                    self.assertTrue(frame[4] & 0x04, "no checksum")
                    said = codings.zstd_content_bytes(frame)
                    self.assertEqual(said, len(data) if known else None)
                    frame = self.post("/v1/compress?coding=lz4", data, chunked=chunked).body
                    self.assertTrue(frame[4] & 0x04, "no checksum")
                    said = codings.lz4_content_bytes(frame)
                    self.assertEqual(said, len(data) if known else None)

    def test_names_are_case_insensitive_and_aliased(self):
        for name, coding in (("GZIP", "gzip"), ("x-gzip", "gzip"), ("X-GZip", "gzip"),
                             ("Zstd", "zstd"), ("LZ4", "lz4"), ("Br", "br")):
            with self.case(name=name):
                response = self.post(f"/v1/compress?coding={name}", b"hello")
                self.assertEqual(response.field("Content-Type"), CODINGS[coding].media_type)
                back = self.post(f"/v1/decompress?coding={name}", response.body)
                self.assertEqual(back.body, b"hello")

    def test_the_default_coding_is_lz4(self):
        response = self.post("/v1/compress", b"hello")
        self.assertEqual(response.field("Content-Type"), "application/x-lz4")

    def test_identity_changes_nothing(self):
        with self.service.connect() as connection:
            for name, data in [*codings.sized(), ("8 MiB", codings.random_bytes(8 << 20))]:
                for operation in ("compress", "decompress"):
                    for chunked in (False, True):
                        with self.case(body=name, operation=operation, chunked=chunked):
                            response = connection.request(
                                "POST", f"/v1/{operation}?coding=identity", data, chunked=chunked)
                            self.assert_status(response, 200)
                            self.assert_same_bytes(response.body, data)


class DecodingTest(SharedServiceTest):
    """What else is one body of a coding."""

    def assert_decodes(self, data, packed, query=""):
        for chunked in (False, True):
            response = self.post(f"/v1/decompress{query}", packed, chunked=chunked, chunk_bytes=7)
            self.assert_status(response, 200)
            self.assert_same_bytes(response.body, data)

    def test_frames_one_after_the_other(self):
        for name in ("gzip", "zstd", "lz4"):
            encode = CODINGS[name].encode
            parts = [codings.text(1000), b"", codings.random_bytes(70_000), b"x"]
            with self.case(coding=name):
                packed = b"".join(encode(part) for part in parts)
                self.assert_decodes(b"".join(parts), packed)
                many = encode(b"ab") * 500
                self.assert_decodes(b"ab" * 500, many)

    def test_skippable_frames(self):
        for name in ("zstd", "lz4"):
            frame = CODINGS[name].encode(b"hello")
            skip = codings.zstd_skippable()
            long_skip = codings.zstd_skippable(bytes(100_000))
            empty_skip = codings.zstd_skippable(b"")
            query = f"?coding={name}"
            for label, packed in (("behind", frame + skip), ("between", frame + skip + frame),
                                  ("in front", skip + frame), ("long", long_skip + frame),
                                  ("empty", empty_skip + frame), ("two", skip + empty_skip + frame)):
                with self.case(coding=name, skippable=label):
                    self.assert_decodes(b"hello" * packed.count(frame), packed, query)
        with self.case(coding="sniffed", skippable="in front"):
            self.assert_decodes(b"hello", skip + CODINGS["zstd"].encode(b"hello"))

    def test_legacy_lz4(self):
        for data in (b"", b"hello", codings.text(200_000)):
            with self.case(size=len(data)):
                self.assert_decodes(data, codings.lz4_legacy(data))

    def test_lz4_frames_of_every_kind(self):
        data = codings.text(300_000) + codings.random_bytes(5000)
        for options in (["-B4"], ["-B5"], ["-B6"], ["-B7"], ["-BD"], ["-BX"], ["--no-frame-crc"],
                        ["--content-size"], ["-9"], ["-12", "-BD", "-B4", "-BX"]):
            with self.case(options=options):
                self.assert_decodes(data, codings.run("lz4", "-q", "-c", *options)(data))

    def test_zstd_frames_of_every_kind(self):
        data = codings.text(300_000) + codings.random_bytes(5000)
        for options in (["--no-check"], ["-19"], ["--fast=5"], ["--long=23"], ["-T2"],
                        [f"--stream-size={len(data)}"]):
            with self.case(options=options):
                self.assert_decodes(data, codings.run("zstd", "-q", "-c", *options)(data))

    def test_gzip_with_names_and_comments(self):
        body = codings.raw_deflate(b"hello")
        tail = zlib.crc32(b"hello").to_bytes(4, "little") + (5).to_bytes(4, "little")
        head = b"\x1f\x8b\x08%c\0\0\0\0\0\3"
        extra = b"\x05\x00abcde"
        for flags, fields in ((8, b"name\0"), (16, b"comment\0"), (4, extra),
                              (28, extra + b"name\0comment\0"), (1, b""), (8, b"n" * 70_000 + b"\0")):
            with self.case(flags=flags):
                self.assert_decodes(b"hello", head % flags + fields + body + tail)

    def test_gzip_header_checksum(self):
        head = b"\x1f\x8b\x08\x02\0\0\0\0\0\3"
        crc = (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
        tail = zlib.crc32(b"hello").to_bytes(4, "little") + (5).to_bytes(4, "little")
        self.assert_decodes(b"hello", head + crc + codings.raw_deflate(b"hello") + tail)

    def test_raw_deflate(self):
        for data in (b"", b"hello", codings.text(200_000), codings.random_bytes(70_000)):
            for level in (0, 1, 6, 9):
                with self.case(size=len(data), level=level):
                    self.assert_decodes(data, codings.raw_deflate(data, level), "?coding=deflate")

    def test_the_source_is_told_by_what_speaks_first(self):
        data = codings.text(2000)
        for name, coding in CODINGS.items():
            packed = coding.encode(data)
            with self.case(coding=name, by="query"):
                response = self.post(f"/v1/decompress?coding={name}", packed)
                self.assertEqual(response.body, data)
                self.assertEqual(response.field("Content-Type"), "application/octet-stream")
            with self.case(coding=name, by="Content-Encoding"):
                response = self.post("/v1/decompress", packed,
                                     {"Content-Encoding": name, "Content-Type": "text/x; a=b"})
                self.assertEqual(response.body, data)
                self.assertEqual(response.field("Content-Type"), "text/x; a=b")
            with self.case(coding=name, by="Content-Encoding, without a type"):
                response = self.post("/v1/decompress", packed, {"Content-Encoding": name})
                self.assertEqual(response.body, data)
                self.assertEqual(response.field("Content-Type"), "application/octet-stream")
            with self.case(coding=name, by="Content-Type"):
                response = self.post("/v1/decompress", packed,
                                     {"Content-Type": coding.media_type.upper() + " ; a=b"})
                self.assertEqual(response.body, data)
                self.assertEqual(response.field("Content-Type"), "application/octet-stream")
            with self.case(coding=name, by="both, which agree"):
                response = self.post(f"/v1/decompress?coding={name}", packed,
                                     {"Content-Encoding": name})
                self.assertEqual(response.body, data)
            if name in SNIFFABLE:
                with self.case(coding=name, by="the first bytes"):
                    response = self.post("/v1/decompress", packed,
                                         {"Content-Type": "application/octet-stream"})
                    self.assertEqual(response.body, data)
                    self.assertEqual(response.field("Content-Type"), "application/octet-stream")
                    stats = parse_dictionary(response.field("Compression-Stats"))
                    self.assertEqual(stats["coding"], name)

    def test_every_window_of_zlib_is_sniffed(self):
        for bits in range(9, 16):
            for level in (0, 1, 6, 9):
                compressor = zlib.compressobj(level, zlib.DEFLATED, bits)
                packed = compressor.compress(b"hello") + compressor.flush()
                with self.case(bits=bits, level=level):
                    self.assert_decodes(b"hello", packed)

    def test_a_list_of_content_encodings_is_undone_last_to_first(self):
        data = codings.text(100_000)
        for first, second in (("gzip", "zstd"), ("zstd", "gzip"), ("br", "lz4"), ("gzip", "gzip")):
            packed = CODINGS[second].encode(CODINGS[first].encode(data))
            with self.case(codings=(first, second)):
                response = self.post("/v1/decompress", packed,
                                     {"Content-Encoding": f"{first}, {second}"})
                self.assert_status(response, 200)
                self.assert_same_bytes(response.body, data)
        with self.case(codings="identity and gzip"):
            response = self.post("/v1/decompress", CODINGS["gzip"].encode(data),
                                 {"Content-Encoding": "identity, gzip"})
            self.assert_same_bytes(response.body, data)

    def test_content_encoding_is_transport_and_content_type_what_is_inside(self):
        inner = CODINGS["zstd"].encode(codings.text(5000))
        response = self.post("/v1/decompress", CODINGS["gzip"].encode(inner),
                             {"Content-Encoding": "gzip", "Content-Type": "application/zstd"})
        self.assert_status(response, 200)
        self.assertEqual(response.field("Content-Type"), "application/zstd")
        self.assert_same_bytes(response.body, inner)

    def test_results_must_not_be_sniffed_by_browsers(self):
        response = self.post("/v1/decompress", CODINGS["gzip"].encode(b"<script>"))
        self.assertEqual(response.field("X-Content-Type-Options"), "nosniff")


class ResultFieldsTest(SharedServiceTest):
    """What an answer says of itself."""

    operations = [
        ("/v1/compress?coding=zstd", "zstd", lambda data: data),
        ("/v1/decompress", "gzip", CODINGS["gzip"].encode),
        ("/v1/transcode?to=lz4", "lz4", CODINGS["gzip"].encode),
    ]

    def check_stats(self, text, coding, request, result, transported=None):
        stats = parse_dictionary(text)
        self.assertEqual(stats["coding"], coding, text)
        self.assertEqual(int(stats["out"]), len(result), text)
        self.assertEqual(int(stats["in"]), len(request), text)

    def test_statistics_are_headers_of_short_answers(self):
        data = codings.text(600)
        for path, coding, pack in self.operations:
            with self.case(path=path):
                body = pack(data)
                response = self.post(path, body, {"TE": "trailers"})
                self.assert_status(response, 200)
                self.assertFalse(response.chunked)
                self.assertEqual(response.field("Content-Length"), str(len(response.body)))
                inside = data if "transcode" in path else body
                self.check_stats(response.field("Compression-Stats"), coding, inside,
                                 response.body)
                self.assertRegex(response.field("Server-Timing"), TIMING)
                self.assertIsNone(response.field("Trailer"))

    def test_statistics_are_trailers_of_long_answers_where_asked_for(self):
        data = codings.random_bytes(300_000)
        for path, coding, pack in self.operations:
            body = pack(data)
            for fields, told in (({}, False), ({"TE": "trailers"}, True),
                                 ({"TE": "gzip;q=0.5, Trailers"}, True), ({"TE": "gzip"}, False)):
                with self.case(path=path, fields=fields):
                    response = self.post(path, body, fields)
                    self.assert_status(response, 200)
                    self.assertTrue(response.chunked)
                    self.assertIsNone(response.field("Compression-Stats"))
                    if not told:
                        self.assertEqual(response.trailers, [])
                        self.assertIsNone(response.field("Trailer"))
                        continue
                    inside = data if "transcode" in path else body
                    self.check_stats(response.trailer("Compression-Stats"), coding, inside,
                                     response.body)
                    self.assertRegex(response.trailer("Server-Timing"), TIMING)
                    named = {n.strip().lower() for n in response.field("Trailer").split(",")}
                    self.assertEqual(named, {"compression-stats", "server-timing"})

    def test_small_results_of_long_bodies_have_a_length(self):
        response = self.post("/v1/compress?coding=lz4", bytes(5 << 20), chunked=True)
        self.assertFalse(response.chunked)
        self.assertEqual(parse_dictionary(response.field("Compression-Stats"))["in"],
                         str(5 << 20))

    def test_the_contracts_example(self):
        stats = parse_dictionary(self.post("/v1/compress?coding=zstd&level=3", codings.text(600))
                                 .field("Compression-Stats"))
        self.assertEqual(list(stats), ["coding", "level", "in", "out"])

    def test_transport_coding_is_undone_first_and_not_counted(self):
        data = codings.text(50_000)
        for name, coding in CODINGS.items():
            with self.case(coding=name):
                response = self.post("/v1/compress?coding=zstd", coding.encode(data),
                                     {"Content-Encoding": name})
                self.assert_status(response, 200)
                self.assertEqual(response.field("Content-Type"), "application/zstd")
                self.assertIsNone(response.field("Content-Encoding"))
                self.assert_same_bytes(CODINGS["zstd"].decode(response.body), data)
                self.check_stats(response.field("Compression-Stats"), "zstd", data, response.body)
        with self.case(coding="two"):
            packed = CODINGS["gzip"].encode(CODINGS["lz4"].encode(data))
            response = self.post("/v1/compress?coding=zstd", packed,
                                 {"Content-Encoding": "lz4, gzip"})
            self.assert_same_bytes(CODINGS["zstd"].decode(response.body), data)

    def test_accept_encoding_is_ignored_without_the_label(self):
        for accept in ("gzip", "identity", "identity;q=0, *;q=0"):
            with self.case(accept=accept):
                response = self.post("/v1/compress?coding=zstd", b"hello",
                                     {"Accept-Encoding": accept})
                self.assert_status(response, 200)
                self.assertEqual(response.field("Content-Type"), "application/zstd")
                self.assertIsNone(response.field("Vary"))
                self.assertIsNone(response.field("Content-Encoding"))


class LabelTest(SharedServiceTest):
    """label=encoding: the posted representation, encoded."""

    def check(self, response, coding, content_type, data):
        self.assert_status(response, 200)
        self.assertEqual(response.field("Content-Type"), content_type)
        self.assertEqual(response.field("Vary"), "Accept-Encoding")
        if coding == "identity":
            self.assertIsNone(response.field("Content-Encoding"))
            self.assert_same_bytes(response.body, data)
        else:
            self.assertEqual(response.field("Content-Encoding"), coding)
            self.assert_same_bytes(CODINGS[coding].decode(response.body), data)

    def test_keeps_the_type_and_names_the_coding(self):
        data = codings.text(3000)
        for coding in [*CODINGS, "identity"]:
            path = f"/v1/compress?label=encoding&coding={coding}"
            with self.case(coding=coding):
                response = self.post(path, data, {"Content-Type": "text/html; charset=x"})
                self.check(response, coding, "text/html; charset=x", data)
                self.check(self.post(path, data), coding, "application/octet-stream", data)

    def test_negotiates_without_a_coding(self):
        data = codings.text(3000)
        rows = [
            (None, "identity"), ("", "identity"), ("identity", "identity"), ("gzip", "gzip"),
            ("GZIP", "gzip"), ("x-gzip", "gzip"), ("deflate", "deflate"), ("br", "br"),
            ("zstd", "zstd"), ("lz4", "lz4"), ("unknown", "identity"), ("gzip;q=0", "identity"),
            ("gzip;q=0.5, br;q=0.6", "br"), ("gzip;q=1, br;q=0.999", "gzip"),
            ("gzip; q=0.001", "gzip"), ("identity;q=0.5, gzip;q=0.4", "identity"),
            ("identity;q=0, gzip;q=0.1", "gzip"), ("*;q=0, gzip", "gzip"),
            ("identity;q=0, *", None), ("*", None), ("gzip, deflate, br, zstd", None),
        ]
        for accept, coding in rows:
            with self.case(accept=accept):
                fields = {} if accept is None else {"Accept-Encoding": accept}
                response = self.post("/v1/compress?label=encoding", data, fields)
                if coding is None:  # the service's order decides, but it is one of them
                    coding = response.field("Content-Encoding")
                    self.assertIn(coding, CODINGS)
                self.check(response, coding, "application/octet-stream", data)

    def test_media_type_is_the_default_label(self):
        response = self.post("/v1/compress?label=media-type&coding=gzip", b"hello",
                             {"Content-Type": "text/html"})
        self.assertEqual(response.field("Content-Type"), "application/gzip")
        self.assertIsNone(response.field("Content-Encoding"))

    def test_identity_keeps_the_requests_type(self):
        response = self.post("/v1/compress?coding=identity", b"hello",
                             {"Content-Type": "text/html"})
        self.assertEqual(response.field("Content-Type"), "text/html")


class AutoTest(SharedServiceTest):
    """coding=auto: chosen from a sample."""

    def decoded(self, response):
        coding = parse_dictionary(response.field("Compression-Stats"))["coding"]
        if coding == "identity":
            return response.body
        self.assertEqual(response.field("Content-Type"), CODINGS[coding].media_type)
        return CODINGS[coding].decode(response.body)

    def test_compresses_what_does_and_leaves_what_does_not(self):
        for prefer in ("", "&prefer=speed", "&prefer=balanced", "&prefer=size"):
            for size in (0, 1, 100, 3000, 60_000):
                with self.case(prefer=prefer, size=size):
                    data = codings.text(size)
                    response = self.post(f"/v1/compress?coding=auto{prefer}", data)
                    self.assert_status(response, 200)
                    self.assert_same_bytes(self.decoded(response), data)
                    if size >= 3000:
                        self.assertLess(len(response.body), size * 0.9)
            with self.case(prefer=prefer, body="random"):
                data = codings.random_bytes(50_000)
                response = self.post(f"/v1/compress?coding=auto{prefer}", data,
                                     {"Content-Type": "text/x"})
                self.assertEqual(response.body, data)
                self.assertEqual(response.field("Content-Type"), "text/x")

    def test_streams(self):
        data = codings.text(1 << 20) + codings.random_bytes(1 << 20)
        for chunked in (False, True):
            with self.case(chunked=chunked):
                response = self.post("/v1/compress?coding=auto", data, {"TE": "trailers"},
                                     chunked=chunked)
                coding = parse_dictionary(response.trailer("Compression-Stats"))["coding"]
                self.assert_same_bytes(CODINGS[coding].decode(response.body), data)

    def test_the_preference_counts(self):
        data = codings.text(60_000)
        sizes = {p: len(self.post(f"/v1/compress?coding=auto&prefer={p}", data).body)
                 for p in ("speed", "balanced", "size")}
        self.assertLess(sizes["size"], sizes["speed"])
        self.assertLessEqual(sizes["balanced"], sizes["speed"])

    def test_with_a_transport_coding(self):
        data = codings.text(5000)
        response = self.post("/v1/compress?coding=auto", CODINGS["gzip"].encode(data),
                             {"Content-Encoding": "gzip"})
        self.assert_same_bytes(self.decoded(response), data)


class TranscodeTest(SharedServiceTest):
    """From one coding to another in one pass."""

    def test_every_pair(self):
        bodies = [b"", b"x", codings.text(3000), codings.text(200_000)]
        packed = {name: [coding.encode(b) for b in bodies] for name, coding in CODINGS.items()}
        for source in CODINGS:
            for target, coding in CODINGS.items():
                for data, body in zip(bodies, packed[source]):
                    with self.case(source=source, target=target, size=len(data)):
                        query = f"to={target}&from={source}&level={coding.fast_level}"
                        response = self.post(f"/v1/transcode?{query}", body,
                                                      chunked=len(data) > 3000)
                        self.assert_status(response, 200)
                        self.assertEqual(response.field("Content-Type"), coding.media_type)
                        self.assert_same_bytes(coding.decode(response.body), data)

    def test_the_source_is_told_as_in_decompress(self):
        data = codings.text(3000)
        gz = CODINGS["gzip"].encode(data)
        rows = [(gz, {}), (gz, {"Content-Encoding": "gzip"}), (gz, {"Content-Type": "application/gzip"}),
                (CODINGS["zstd"].encode(gz), {"Content-Encoding": "gzip, zstd"})]
        for body, fields in rows:
            with self.case(fields=fields):
                response = self.post("/v1/transcode?to=br", body, fields)
                self.assert_status(response, 200)
                self.assertEqual(response.field("Content-Type"), "application/x-brotli")
                self.assertIsNone(response.field("Content-Encoding"))
                self.assert_same_bytes(CODINGS["br"].decode(response.body), data)

    def test_to_and_from_identity(self):
        data = codings.text(3000)
        self.assertEqual(self.post("/v1/transcode?to=identity", CODINGS["gzip"].encode(data)).body,
                         data)
        response = self.post("/v1/transcode?to=gzip&from=identity", data)
        self.assertEqual(CODINGS["gzip"].decode(response.body), data)

    def test_levels_and_windows(self):
        data = codings.text(100_000)
        body = CODINGS["gzip"].encode(data)
        small = self.post("/v1/transcode?to=zstd&level=19&window=1024", body)
        large = self.post("/v1/transcode?to=zstd&level=19", body)
        self.assertLess(len(large.body), len(small.body))
        self.assert_same_bytes(CODINGS["zstd"].decode(small.body), data)

    def test_long_bodies_stream(self):
        data = codings.random_bytes(8 << 20)
        body = CODINGS["lz4"].encode(data)
        response = self.post("/v1/transcode?to=gzip&level=1", body, {"TE": "trailers"})
        self.assertTrue(response.chunked)
        self.assert_same_bytes(CODINGS["gzip"].decode(response.body), data)
        stats = parse_dictionary(response.trailer("Compression-Stats"))
        self.assertEqual(int(stats["in"]), len(data))


class DocumentsTest(SharedServiceTest):
    """GET /v1/codings and /v1/limits."""

    flags = {"max_body_bytes": 12345, "max_ratio": 77}

    def test_codings(self):
        response = self.service.request("GET", "/v1/codings")
        self.assertEqual(response.field("Content-Type"), "application/json")
        listed = {row["coding"]: row for row in response.json()["codings"]}
        for name, coding in CODINGS.items():
            with self.case(coding=name):
                row = listed[name]
                self.assertEqual(row["media_type"], coding.media_type)
                self.assertEqual(row["levels"], {"min": coding.levels[0], "max": coding.levels[-1],
                                                 "default": coding.default_level})
                self.assertEqual((row["window_bytes"]["min"], row["window_bytes"]["max"]),
                                 coding.windows[:2])
                self.assertEqual(set(row["stream_bytes"]), {str(level) for level in coding.levels})
                self.assertTrue(all(row["stream_bytes"].values()), row)

    def test_limits(self):
        response = self.service.request("GET", "/v1/limits")
        self.assertEqual(response.field("Content-Type"), "application/json")
        limits = response.json()
        self.assertEqual(limits["max_body_bytes"], 12345)
        self.assertEqual(limits["max_ratio"], 77)
        self.assertEqual(limits["max_window_bytes"], 8 << 20)
        self.assertEqual(limits["idle_timeout"], 75)
        self.assertTrue(all(isinstance(v, (int, float)) for v in limits.values()), limits)

    def test_queries_are_refused(self):
        self.assert_problem(self.service.request("GET", "/v1/codings?x=y"), 400,
                            "unknown_parameter")


if __name__ == "__main__":
    service.main()
