"""The rows of the table: what is done with which body, who else does it, and the goals."""

import dataclasses
import pathlib

from support import codings
from support.codings import CODINGS

SIZES = {"1400": 1400, "64k": 65536, "1m": 1 << 20}
# A row's name, direction, coding, level; in the order of the table.
KINDS = [("identity", "compress", "identity", 0), ("lz4", "compress", "lz4", 1),
         ("zstd-1", "compress", "zstd", 1), ("zstd-3", "compress", "zstd", 3),
         ("gzip-1", "compress", "gzip", 1), ("gzip-6", "compress", "gzip", 6),
         ("br-4", "compress", "br", 4), ("gunzip", "decompress", "gzip", 6),
         ("unzstd", "decompress", "zstd", 3)]

# Rivals of a row: name -> (server, path). nginx answers 1,400 B in the cheapest way it has.
RIVALS = {
    "identity": {"nginx": ("nginx", "/plain")},
    "gzip-1": {"nginx": ("nginx", "/gzip"), "haproxy": ("haproxy", "/{size}"), "go": ("go", "/gzip"),
               "node": ("node", "/gzip")},
    "zstd-1": {"go": ("go", "/zstd")},
    "br-4": {"node": ("node", "/br")},
    "gunzip": {"go": ("go", "/gunzip")},
    "unzstd": {"go": ("go", "/unzstd")},
}
SMALL_NGINX = {"/plain": "/return", "/gzip": "/return_gzip"}

BOUND_GOAL = 1.15


def payload(name):
    """1 MiB of a file of the corpus. No dollar sign: nginx's configuration can hold none."""
    file = pathlib.Path(codings.CORPUS) / name
    text = file.read_bytes() if file.exists() else codings.text(1 << 20)
    return text[:1 << 20].replace(b"$", b"S")


def decode(coding, body):
    return body if coding == "identity" else CODINGS[coding].decode(body)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    direction: str
    coding: str
    level: int
    size: int

    @property
    def label(self):
        return f"{self.name}/{self.size}"

    def posted(self, whole):
        """What is sent: the text, or what the public tool makes of it."""
        body = whole[:self.size]
        return body if self.direction == "compress" else CODINGS[self.coding].encode(body)

    def is_right(self, answer, whole):
        body = answer if self.direction == "decompress" else decode(self.coding, answer)
        return body == whole[:self.size]

    def target(self):
        level = f"&level={self.level}" if self.direction == "compress" and self.level else ""
        return f"/v1/{self.direction}?coding={self.coding}{level}"

    def rivals(self):
        for name, (server, path) in RIVALS.get(self.name, {}).items():
            if server == "nginx" and self.size == SIZES["1400"]:
                path = SMALL_NGINX[path]
            yield name, server, path.format(size=self.size)


def select(words):
    """Rows by size ("1400", "64k") and by the start of their name; no words: all."""
    sizes = [SIZES[word] for word in words if word in SIZES] or list(SIZES.values())
    names = [word for word in words if word not in SIZES]
    unknown = [word for word in names if not any(kind[0].startswith(word) for kind in KINDS)]
    if unknown:
        raise SystemExit(f"no row is named {' '.join(unknown)}; there are "
                         f"{' '.join(kind[0] for kind in KINDS)}, {' '.join(SIZES)}")
    return [Row(*kind, size) for size in sizes for kind in KINDS
            if not names or any(kind[0].startswith(word) for word in names)]


def goals(row, us, bytes_out, beside):
    """Yields (what, value, goal) for a row; `us` and `bytes_out` are by contender, and
    `beside(names)` is what the service takes beside all of these together."""
    yield "bound", beside("floor", "codec"), BOUND_GOAL
    small = row.size == SIZES["1400"]
    others = {name: us[name] for name in RIVALS.get(row.name, {}) if name in us}
    if row.name == "identity" and small and "nginx" in others:
        yield "nginx", beside("nginx"), 1.0
    if row.name == "gzip-1" and others:
        if small and "nginx" in others:
            yield "nginx", beside("nginx"), 0.6
        if not small:
            best = min(others, key=others.get)
            yield f"{best}, the best", beside(best), 0.5
        if "nginx" in others:
            yield "nginx's size", bytes_out["frdpu"] / bytes_out["nginx"], 1.02
    if row.name == "zstd-1" and not small and "go" in others:
        yield "go", beside("go"), 0.5
    if row.direction == "decompress" and "go" in others:
        yield "go", beside("go"), 0.7
