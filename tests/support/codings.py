"""The codings as the public tools know them, and data to try them on."""

import functools
import gzip
import os
import random
import subprocess
import zlib

from support.service import SOURCE_DIR

CORPUS = os.path.join(SOURCE_DIR, "..", "shared", "corpus")


def run(*command):
    """Returns a function from bytes to what the command makes of them; fails where it does."""
    def filter_bytes(data):
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.decode().strip()}")
        return done.stdout
    return filter_bytes


def raw_deflate(data, level=6):
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


class Coding:
    """A coding, its media type, its levels and windows (min, max, default), and its public tool."""

    def __init__(self, name, media_type, levels, windows, encode, decode, fast_level):
        self.name = name
        self.media_type = media_type
        self.levels = range(levels[0], levels[1] + 1)
        self.default_level = levels[2]
        self.windows = windows
        self.encode = encode
        self.decode = decode
        self.fast_level = fast_level


CODINGS = {coding.name: coding for coding in (
    Coding("lz4", "application/x-lz4", (1, 9, 1), (256, 65535, 32768),
           run("lz4", "-q", "-c"), run("lz4", "-q", "-d", "-c"), 1),
    Coding("zstd", "application/zstd", (1, 19, 3), (1024, 8 << 20, None),
           run("zstd", "-q", "-c"), run("zstd", "-q", "-d", "-c"), 1),
    Coding("gzip", "application/gzip", (1, 9, 6), (512, 32768, 32768),
           run("gzip", "-c"), run("gzip", "-d", "-c"), 1),
    Coding("deflate", "application/zlib", (1, 9, 6), (512, 32768, 32768),
           zlib.compress, zlib.decompress, 1),
    Coding("br", "application/x-brotli", (0, 11, 4), (1024, 16 << 20, None),
           run("brotli", "-q", "4", "-c"), run("brotli", "-d", "-c"), 0),
)}

# What the first bytes say; brotli has no magic number.
SNIFFABLE = ("lz4", "zstd", "gzip", "deflate")

# In Python, for many small frames: a process each would take minutes.
QUICK_DECODE = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@functools.lru_cache(maxsize=None)
def random_bytes(count, seed=1):
    return random.Random(seed).randbytes(count)


@functools.lru_cache(maxsize=None)
def text(count, seed=1):
    """Words of an invented language: compresses to a third or so."""
    source = random.Random(seed)
    words = ["".join(source.choices("etaoinshrdlu", k=source.randint(2, 9))) for _ in range(500)]
    lines = []
    size = 0
    while size < count:
        line = " ".join(source.choices(words, k=12)) + "\n"
        lines.append(line)
        size += len(line)
    return "".join(lines).encode()[:count]


def corpus():
    """Returns (name, bytes) of the corpus beside the source tree, or data made up here."""
    if os.path.isdir(CORPUS):
        for name in sorted(os.listdir(CORPUS)):
            with open(os.path.join(CORPUS, name), "rb") as file:
                yield name, file.read()
        return
    yield "text", text(400_000)
    yield "random", random_bytes(150_000)
    yield "numbers", b"".join(b"[%d,%d.%d]," % (i, i * i % 977, i % 13) for i in range(150_000))
    yield "runs", b"".join(bytes([i % 251]) * (i % 300) for i in range(3000))
    yield "mixed", b"".join(text(5000, i) + random_bytes(3000, i) for i in range(40))


# Around every border that blocks and frames have.
SIZES = (0, 1, 2, 3, 1499, 1500, 1501, 16384, 65535, 65536, 65537, 65600, 131072, 131073, 300_001)


def sized():
    """Returns (name, bytes) of the sizes around every border, compressible and not."""
    for size in SIZES:
        yield f"{size} of text", text(300_001)[:size]
        yield f"{size} of random", random_bytes(300_001)[:size]


def large():
    yield "8 MiB of random", random_bytes(8 << 20)
    yield "8 MiB of zeros", bytes(8 << 20)


# Frames that are put together by hand.

def zstd_skippable(payload=b"skip me"):
    return b"\x5a\x2a\x4d\x18" + len(payload).to_bytes(4, "little") + payload


lz4_skippable = zstd_skippable  # the same in both formats
lz4_legacy = run("lz4", "-q", "-l", "-c")


def zstd_window_bytes(frame):
    """The window that a zstd frame's header asks for, or None in a single segment."""
    descriptor = frame[4]
    if descriptor & 0x20:
        return None
    exponent, mantissa = frame[5] >> 3, frame[5] & 7
    base = 1 << (10 + exponent)
    return base + base // 8 * mantissa


def zstd_content_bytes(frame):
    descriptor = frame[4]
    size = [1 if descriptor & 0x20 else 0, 2, 4, 8][descriptor >> 6]
    at = 5 + (0 if descriptor & 0x20 else 1) + [0, 1, 2, 4][descriptor & 3]
    value = int.from_bytes(frame[at:at + size], "little")
    return None if size == 0 else value + (256 if size == 2 else 0)


def lz4_content_bytes(frame):
    return int.from_bytes(frame[6:14], "little") if frame[4] & 0x08 else None


def zlib_window_bytes(stream):
    return 1 << ((stream[0] >> 4) + 8)
