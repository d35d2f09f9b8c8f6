#!/usr/bin/env python3
"""unbrine convert against cp and against torch.load + safetensors.torch.save_file.

Each is a whole process on the same generated file with a warm page cache. They run in turn, in an
order that rotates from round to round, and are compared within a round: the load of a shared
machine then weighs on all alike.
"""

import argparse
import filecmp
import itertools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MB = 1_000_000
# name as in --sizes: bytes, tensor counts
SIZES = {
    "9MB": (9 * MB, (2000,)),
    "10MB": (10 * MB, (10, 300)),
    "100MB": (100 * MB, (300,)),
    "1GB": (1000 * MB, (300,)),
}
KINDS = ("zip", "legacy")
# What torch.load does not read safely, so that cp alone is the peer.
MORE_KINDS = ("pickle", "npz", "joblib", "gzip", "shards", "dcp")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sizes", default=",".join(SIZES), help="some of %(default)s")
    add("--kinds", default=",".join(KINDS),
        help=f"some of %(default)s,{','.join(MORE_KINDS)}; default: %(default)s")
    add("--rounds", type=int, default=9, help="default: %(default)s")
    add("--build", type=Path, default=HERE.parent / "build/release", metavar="DIR",
        help="configured with UNBRINE_BENCHMARKS=ON; default: build/release")
    add("--unbrine", type=Path, metavar="PATH", help="default: that of the build folder")
    add("--python", default=sys.executable, metavar="PATH",
        help="has torch and safetensors; default: the one that runs this")
    add("--scratch", type=Path, metavar="DIR",
        help="for the files, 4 times the largest size; default: the system's temporary folder")
    add("--no-torch", action="store_true", help="compare with cp alone")
    add("--json", type=Path, metavar="OUT", help="append every single run as a line of JSON")
    return checked(parser, parser.parse_args())


def checked(parser, arguments):
    arguments.sizes = arguments.sizes.split(",")
    arguments.kinds = arguments.kinds.split(",")
    for given, known in ((arguments.sizes, SIZES), (arguments.kinds, KINDS + MORE_KINDS)):
        for name in given:
            if name not in known:
                parser.error(f"{name!r} is not one of {', '.join(known)}")
    arguments.unbrine = arguments.unbrine or arguments.build / "unbrine"
    arguments.measure = arguments.build / "benchmarks/measure"
    for program in (arguments.unbrine, arguments.measure):
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is missing: configure with UNBRINE_BENCHMARKS=ON and build")
    return arguments


def torch_command(arguments, *words):
    return [arguments.python, str(HERE / "torch_convert.py"), *map(str, words)]


def commands(arguments, source, folder, kind):
    """name -> command and what it writes."""
    outputs = {name: folder / f"{name}.safetensors" for name in ("cp", "unbrine", "torch")}
    table = {
        "cp": ["cp", "-r", source, outputs["cp"]],
        "unbrine": [arguments.unbrine, "convert", source, "-o", outputs["unbrine"]],
        "torch": torch_command(arguments, "convert", source, outputs["torch"]),
    }
    if arguments.no_torch or kind in MORE_KINDS:
        del table["torch"]
    return {name: (list(map(str, command)), outputs[name]) for name, command in table.items()}


def measure(arguments, command, output):
    """Seconds and bytes of one run. Deleting the old output is not part of it."""
    if output.is_dir():
        shutil.rmtree(output)
    output.unlink(missing_ok=True)
    done = subprocess.run([str(arguments.measure), *command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def run_rounds(arguments, table):
    """One dict name -> measurement per round."""
    names = list(table)
    orders = [names[i:] + names[:i] for i in range(len(names))]
    return [
        {name: measure(arguments, *table[name]) for name in orders[i % len(orders)]}
        for i in range(arguments.rounds)
    ]


def warm(arguments, table):
    """A first run that does not count; a fast wrong answer does not count either."""
    for command, output in table.values():
        measure(arguments, command, output)
    if "torch" in table and not filecmp.cmp(table["unbrine"][1], table["torch"][1], shallow=False):
        sys.exit("unbrine and torch wrote different files")


def spread(values, digits=2):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.{digits}f}/**{middle:.{digits}f}**/{high:.{digits}f}"


def ratios(rounds, name, peer, quantity):
    if name == peer:
        return "-"
    return spread([r[name][quantity] / r[peer][quantity] for r in rounds])


def best_ratio(rounds, name, peer):
    return min(r[name]["wall"] for r in rounds) / min(r[peer]["wall"] for r in rounds)


def speedup(rounds, name, quantity):
    if name == "torch" or "torch" not in rounds[0]:
        return "-"
    return spread([r["torch"][quantity] / r[name][quantity] for r in rounds], digits=0)


COLUMNS = ("command", "wall s", "GB/s", "wall / cp", "min / min", "cpu / cp",
           "torch / it, wall", "torch / it, cpu", "peak MB")


def row(rounds, name, size):
    walls = [r[name]["wall"] for r in rounds]
    return (
        name,
        spread(walls, digits=3),
        f"{size / statistics.median(walls) / 1e9:.2f}",
        ratios(rounds, name, "cp", "wall"),
        f"{best_ratio(rounds, name, 'cp'):.2f}",
        ratios(rounds, name, "cp", "cpu"),
        speedup(rounds, name, "wall"),
        speedup(rounds, name, "cpu"),
        f"{max(r[name]['rss'] for r in rounds) / MB:.1f}",
    )


def print_table(rounds, size, names):
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(row(rounds, name, size) for name in names)]
    for cells in rows:
        print("|", " | ".join(cells), "|")
    print(flush=True)


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown CPU"


def write_json(path, case, rounds):
    with path.open("a") as stream:
        for i, results in enumerate(rounds):
            for name, result in results.items():
                print(json.dumps({**case, "round": i, "command": name, **result}), file=stream)


def run_case(arguments, scratch, kind, size_name, count):
    size = SIZES[size_name][0]
    folder = scratch / f"{kind}-{size_name}-{count}"
    folder.mkdir()
    source = folder / "source.pt"
    subprocess.run(torch_command(arguments, "generate", source, kind, size, count), check=True)
    table = commands(arguments, source, folder, kind)
    warm(arguments, table)
    rounds = run_rounds(arguments, table)
    print(f"{kind}, {size_name}, {count} tensors\n")
    print_table(rounds, size, table)
    if arguments.json:
        write_json(arguments.json, {"kind": kind, "size": size, "tensors": count}, rounds)
    shutil.rmtree(folder)


def main():
    arguments = parse_arguments()
    print(
        f"{cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"{arguments.rounds} rounds, min/**median**/max, warm page cache\n"
    )
    with tempfile.TemporaryDirectory(dir=arguments.scratch, prefix="convert_bench-") as scratch:
        for kind, size_name in itertools.product(arguments.kinds, arguments.sizes):
            for count in SIZES[size_name][1]:
                run_case(arguments, Path(scratch), kind, size_name, count)


if __name__ == "__main__":
    main()
