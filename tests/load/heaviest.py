"""The heaviest mix on small pools: the process stays within the memory that --dry-run states."""

import re
import subprocess

from load import clients
from support import codings, service

SECONDS = 10
SETTINGS = {"threads": 2, "compute_threads": 2, "pool_mtu_blocks": 1024, "pool_64k_blocks": 1024,
            "workspace_bytes": "400m", "max_connections": 1000, "max_stream_bytes": "16m",
            "access_log_sample": 0}
MIX = ["coding=zstd&level=19", "coding=zstd&level=12", "coding=zstd&level=3", "coding=br&level=11",
       "coding=br&level=5", "coding=br&level=9", "coding=gzip&level=9", "coding=gzip&level=1",
       "coding=deflate&level=6", "coding=lz4&level=9", "coding=lz4&level=1",
       "coding=gzip&level=6&split=1048576", "coding=zstd&level=9&split=1048576"]
EACH = 3


def stated_bytes():
    flags = [part for name, value in SETTINGS.items()
             for part in ("--" + name.replace("_", "-"), str(value))]
    said = subprocess.run([service.binary, "serve", "--dry-run", *flags], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return float(re.search(r"^total +([\d.]+) MiB", said, re.M).group(1)) * (1 << 20)


def run():
    text = codings.text(6 << 20)
    stated = stated_bytes()
    with service.Service(**SETTINGS) as running:
        with clients.processes(EACH * len(MIX)) as submit:
            jobs = [submit(clients.posts, running.address, "/v1/compress?" + query, text, SECONDS)
                    for query in MIX for _ in range(EACH)]
            counts = [job.result() for job in jobs]
        peak = running.status("VmHWM")
        unbalanced = running.unbalanced()
    yield "stated by --dry-run, MiB", stated / (1 << 20), None
    yield "peak of the process, MiB", peak / (1 << 20), (stated * 1.05) / (1 << 20) + 16
    yield "requests served", sum(count.get(200, 0) for count in counts), None
    yield "answers that broke off", sum(count.get("broken", 0) for count in counts), 0
    yield "pools that miss a block", len(unbalanced), 0
