"""Puts more and more clients on a small service and plots what its metrics say:
`ramp.py FRDPU OUT.svg` (`./dev plot` installs what it takes and runs it).

Each client compresses bodies of 1 MiB, one after the other; every second one more client comes,
until there are far more than the service has workspaces for, and then they go again. Every number
in the picture is from the service's own /metrics, scraped twice a second.
"""

import http.client
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request

CLIENTS = 30
STEP_SECONDS = 1.0
SCRAPE_SECONDS = 0.5
SETTINGS = {"threads": "2", "compute-threads": "2", "pool-mtu-blocks": "1024",
            "pool-64k-blocks": "160", "workspace-bytes": "512m", "max-stream-bytes": "8m",
            "queue-timeout": "1s", "access-log-sample": "0"}
ROUTE = 'route="/v1/compress"'


def start(binary):
    flags = [part for name, value in SETTINGS.items() for part in ("--" + name, value)]
    process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--admin-listen",
                                "127.0.0.1:0", *flags], stderr=subprocess.PIPE, text=True)
    found = {}
    while len(found) < 2:
        line = process.stderr.readline()
        if not line:
            raise ChildProcessError(f"{binary} did not start")
        if match := re.search(r"listening (\w+)=(\S+)", line):
            found[match.group(1)] = match.group(2)
    total = subprocess.run([binary, "serve", "--dry-run", *flags], capture_output=True, text=True,
                           check=True).stdout
    limit_mib = float(re.search(r"^total +([\d.]+)", total, re.M).group(1))
    return process, found["service"], found["admin"], limit_mib


def scrape(admin):
    with urllib.request.urlopen(f"http://{admin}/metrics") as answer:
        lines = (line.rpartition(" ") for line in answer.read().decode().splitlines()
                 if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


def client(address, body, stop):
    connection = http.client.HTTPConnection(address, timeout=60)
    while not stop.is_set():
        try:
            connection.request("POST", "/v1/compress?coding=zstd&level=3", body)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 503:
                stop.wait(int(answer.getheader("Retry-After", "1")))
        except (OSError, http.client.HTTPException):  # refused before the body was read
            connection.close()
    connection.close()


def status_rate(before, after, status, seconds):
    names = [name for name in after if name.startswith("frdpu_http_requests_total{" + ROUTE)
             and f'status="{status}"' in name]
    return sum(after[name] - before.get(name, 0) for name in names) / seconds


def quantile(before, after, q):
    """The histogram's quantile between two scrapes, as Prometheus works it out; None of nothing."""
    name = "frdpu_http_request_duration_seconds_bucket{" + ROUTE
    buckets = sorted((float(re.search(r'le="([^"]+)"', key).group(1)), value - before[key])
                     for key, value in after.items() if key.startswith(name))
    rank, lower, below = q * buckets[-1][1], 0.0, 0
    if rank == 0:
        return None
    for bound, count in buckets:
        if count >= rank:
            return lower if bound == float("inf") else (
                lower + (bound - lower) * (rank - below) / (count - below))
        lower, below = bound, count
    return lower


def measure(binary, clients=CLIENTS, step_seconds=STEP_SECONDS, scrape_seconds=SCRAPE_SECONDS):
    process, service, admin, limit_mib = start(binary)
    body = b"".join(b'{"id": %d, "name": "%s", "value": %d}\n' % (i, os.urandom(6).hex().encode(), i * i)
                    for i in range(18_000))[:1 << 20]
    rows, running = [], []
    begun = time.monotonic()
    last, last_time = scrape(admin), begun
    while (now := time.monotonic()) - begun < (2 * clients + 6) * step_seconds:
        step = (now - begun) / step_seconds
        wanted = int(min(step + 1, clients) if step < clients + 3
                     else max(2 * clients + 3 - step, 0))
        while len(running) < wanted:
            stop = threading.Event()
            threading.Thread(target=client, args=(service, body, stop), daemon=True).start()
            running.append(stop)
        while len(running) > wanted:
            running.pop().set()
        time.sleep(scrape_seconds)
        sample, at = scrape(admin), time.monotonic()
        seconds = at - last_time
        rows.append({"time": at - begun, "clients": wanted,
                     "good": status_rate(last, sample, 200, seconds),
                     "refused": status_rate(last, sample, 503, seconds),
                     "p50": quantile(last, sample, 0.5), "p99": quantile(last, sample, 0.99),
                     "blocks": sample['frdpu_pool_utilization_ratio{pool="64k"}'],
                     "workspaces": max(v for k, v in sample.items() if re.match(
                         r'frdpu_pool_utilization_ratio\{pool="zstd-compress', k)),
                     "rss": sample["process_resident_memory_bytes"] / (1 << 20)})
        last, last_time = sample, at
    process.terminate()
    process.wait(60)
    process.stderr.close()
    return rows, limit_mib


def machine():
    """The processor and the cores that this script and the service may use."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        model = re.search(r"^model name\s*: (.*)$", cpuinfo.read(), re.M)
    cores = len(os.sched_getaffinity(0))
    name = model.group(1) if model else os.uname().machine
    return f"{name}, {cores} core{'s' * (cores > 1)} for service and clients"


def plot(rows, limit_mib, path):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot as plt
    plt.rcParams.update({"svg.fonttype": "none", "font.size": 9, "axes.grid": True,
                         "grid.alpha": 0.3, "legend.frameon": False, "svg.hashsalt": "frdpu"})
    figure, axes = plt.subplots(4, 1, sharex=True, figsize=(8, 8), constrained_layout=True)
    figure.suptitle(machine(), fontsize=9)
    seconds = [row["time"] for row in rows]

    def line(axis, name, label, **style):
        axis.plot(seconds, [row[name] for row in rows], label=label, **style)
    line(axes[0], "good", "200")
    line(axes[0], "refused", "503, Retry-After", color="tab:red")
    line(axes[0], "clients", "clients", color="gray", linestyle=":")
    axes[0].set_ylabel("requests / s")
    line(axes[1], "p50", "p50")
    line(axes[1], "p99", "p99", color="tab:orange")
    axes[1].set_ylabel("duration, s")
    line(axes[2], "blocks", "64k blocks")
    line(axes[2], "workspaces", "fullest kind of zstd workspace", color="tab:green")
    axes[2].axhline(0.8, color="tab:red", linewidth=0.8, linestyle="--")
    axes[2].set_ylim(0, 1.05)
    axes[2].set_ylabel("pool utilization")
    line(axes[3], "rss", "resident memory")
    axes[3].axhline(limit_mib, color="tab:red", linewidth=0.8, linestyle="--",
                    label="what --dry-run says")
    axes[3].set_ylim(0)
    axes[3].set_ylabel("MiB")
    axes[3].set_xlabel("seconds")
    for axis in axes:
        axis.legend(loc="upper right")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    measured, limit = measure(os.path.abspath(sys.argv[1]))
    plot(measured, limit, sys.argv[2])
    best = max(measured, key=lambda row: row["good"])
    print(f"best {best['good']:.0f} requests/s with {best['clients']} clients, "
          f"{max(row['refused'] for row in measured):.0f} refused a second at most, "
          f"64k pool up to {max(row['blocks'] for row in measured):.0%}, "
          f"resident {max(row['rss'] for row in measured):.0f} of {limit:.0f} MiB")
