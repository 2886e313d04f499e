"""The heaviest mix on small pools: the process stays within the memory that --dry-run states."""

import itertools

from load import clients
from support import codings, service

SECONDS = 8
RATE = 2  # of requests for each of what follows, whether or not they are answered
SETTINGS = {"threads": 2, "compute_threads": 2, "pool_mtu_blocks": 1024, "pool_64k_blocks": 1024,
            "workspace_bytes": "400m", "max_connections": 1000, "max_stream_bytes": "16m",
            "max_queued_jobs": 1000, "queue_timeout": "10s", "access_log_sample": 0}
ENCODERS = ["zstd&level=19", "zstd&level=12", "zstd&level=3", "br&level=11", "br&level=5",
            "br&level=9", "gzip&level=9", "gzip&level=1", "deflate&level=6", "lz4&level=9",
            "lz4&level=1"]
SPLIT = ["gzip&level=6&split=1048576", "zstd&level=9&split=1048576"]
SIZES = [60_000, 600_000, 6_000_000]
DECODERS = ["zstd", "br", "gzip", "lz4"]


def run():
    text = codings.text(max(SIZES))
    kinds = [(f"/v1/compress?coding={query}", text[:size])
             for query, size in itertools.product(ENCODERS, SIZES)]
    kinds += [(f"/v1/compress?coding={query}", text) for query in SPLIT]
    kinds += [(f"/v1/decompress?coding={coding}", codings.CODINGS[coding].encode(text))
              for coding in DECODERS]
    stated = clients.stated_bytes(SETTINGS)
    with service.Service(**SETTINGS) as running:
        with clients.processes(len(kinds)) as submit:
            jobs = [submit(clients.offered, running.address, target, body, RATE, SECONDS)
                    for target, body in kinds]
            statuses = clients.counted(job.result() for job in jobs)
        peak = running.status("VmHWM")
        pools = running.pools().items()
        full = sum(pool["peak"] == pool["blocks"] for name, pool in pools)
        unbalanced = running.unbalanced()
    yield "stated by --dry-run, MiB", stated / (1 << 20), None
    yield f"peak of the process, MiB ({full} of {len(pools)} pools were full)", peak / (1 << 20), (
        stated * 1.05 / (1 << 20) + 16)
    yield f"answers by status: {statuses}", statuses.get(200, 0), None
    yield "answers that broke off", statuses.get("broken", 0), 0
    yield "pools that miss a block", len(unbalanced), 0
