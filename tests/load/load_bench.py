"""Load tests with goals: `./dev bench load [idle fairness overload heaviest large]`.

Each scenario starts a service of its own on loopback, loads it for a bounded time, and yields
(what, value, goal): at most the goal is met. A line of JSON for each run goes to
build/bench/load_history.jsonl, and the latencies of `fairness` are plotted beside it.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from load import fairness, heaviest, idle, large, overload  # noqa: E402
from support import service  # noqa: E402

SCENARIOS = {"idle": idle.run, "fairness": fairness.run, "overload": overload.run,
             "heaviest": heaviest.run, "large": large.run}


def plot(times_by_name, goal_ms, file):
    """Share of requests over how long they took at most."""
    try:
        import matplotlib
    except ImportError:
        print("no plot: python3-matplotlib is not installed")
        return
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(8, 4))
    for name, times in times_by_name.items():
        axes.step([1000 * t for t in times], [(i + 1) / len(times) for i in range(len(times))],
                  where="post", label=f"{name} ({len(times)} requests)")
    axes.axvline(goal_ms, color="gray", linestyle="--", label="goal for the p99")
    axes.axhline(0.99, color="gray", linewidth=0.5)
    axes.set(xscale="log", xlabel="ms, at most", ylabel="share of 1,400 B requests",
             title="Small requests beside br 11, zstd 19 and endless uploads, 2 cores")
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(file)
    print(f"plot: {file}")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench load")
    parser.add_argument("binary", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("scenarios", nargs="*", help=" ".join(SCENARIOS))
    parser.add_argument("--plot", type=pathlib.Path, help="where the picture of fairness goes")
    options = parser.parse_args()
    if unknown := [name for name in options.scenarios if name not in SCENARIOS]:
        parser.error(f"no scenario is named {' '.join(unknown)}; there are {' '.join(SCENARIOS)}")
    service.binary = str(options.binary.resolve())
    folder = options.binary.resolve().parent.parent / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "cores": os.cpu_count(), "load": os.getloadavg()[0], "rows": []}
    print(f"{os.cpu_count()} cores, load average before: {record['load']:.1f}")
    print("| scenario | | measured | at most |\n| --- | --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.scenarios or SCENARIOS:
            goal = None
            scenario = SCENARIOS[name](scratch) if name == "large" else SCENARIOS[name]()
            for what, value, at_most in scenario:
                if what == "plot":
                    plot(value, goal, options.plot or folder / f"{name}.svg")
                    continue
                goal = goal or at_most
                verdict = "" if at_most is None else f"{at_most:.3g}"
                missed = at_most is not None and value > at_most
                print(f"| {name} | {what} | {value:.3g}{' MISSED' if missed else ''} | {verdict} |",
                      flush=True)
                record["rows"].append({"scenario": name, "what": what, "value": value,
                                       "at_most": at_most})
    with open(folder / "load_history.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
