#!/usr/bin/env python3
"""Nineteen hunts over the same Parquet files, by Bartizan, DuckDB and ClickHouse (chdb), in one run. README.md says more."""

import argparse
import fnmatch
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "hunting-bench"
TABLES = {"P": "DeviceProcessEvents", "N": "DeviceNetworkEvents"}
OURS, PEERS = ("bartizan", "indexed", "stored"), ("duckdb", "chdb")
SLOWEST = 60_000  # A hunt that takes longer than this, in milliseconds, is not repeated.


def environment():
    """The Python with the pinned peers, made on first use."""
    wanted = (HERE / "requirements.txt").read_text()
    python, mark = WORK / "venv" / "bin" / "python", WORK / "venv" / "installed.txt"
    if not mark.exists() or mark.read_text() != wanted:
        WORK.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(WORK / "venv")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")], check=True)
        mark.write_text(wanted)
    return python


def data(python, rows):
    folder = WORK / f"data-{rows}"
    if not all((folder / f"{table}.parquet").exists() for table in TABLES.values()):
        subprocess.run([str(python), str(HERE / "generate.py"), str(folder), "--rows", str(rows)], check=True)
    return folder


def indexed(binary, folder):
    """The same files with the index that `bartizan kql index` makes of them beside each."""
    other = folder.with_name(folder.name + "-indexed")
    other.mkdir(exist_ok=True)
    for table in TABLES.values():
        link = other / f"{table}.parquet"
        if not link.exists():
            os.link(folder / link.name, link)
    start = time.perf_counter()
    subprocess.run([str(binary), "kql", "index", str(other)], check=True, stdout=subprocess.DEVNULL)
    size = sum(file.stat().st_size for file in other.glob("*.terms"))
    print(f"index: {size / 1e6:.0f} MB in {time.perf_counter() - start:.1f} s")
    return other


def example(name):
    """An example of hunting, built."""
    subprocess.run(["cargo", "build", "--release", "--workspace", "--example", name], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "examples" / name


def stored(folder):
    """The same rows as an event store keeps them: flushed and compacted, with terms and with columns for paths in JSON."""
    store = folder.with_name(folder.name + "-stored")
    if not (store / "done").exists():
        writer, start = example("event_files"), time.perf_counter()
        for table in TABLES.values():
            subprocess.run([str(writer), table, str(folder / f"{table}.parquet"), str(store)], check=True, stdout=subprocess.DEVNULL)
        (store / "done").touch()
        print(f"written through an event store in {time.perf_counter() - start:.0f} s")
    files = [file for file in (store / "events" / "files").rglob("*") if file.is_file()]
    print(f"event store: {sum(file.stat().st_size for file in files) / 1e6:.0f} MB in {len(files)} files")
    return store


def release():
    subprocess.run(["cargo", "build", "--release", "--workspace", "--bins"], cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "bartizan"


def ours(binary, folder):
    """Bartizan over the tables of a folder."""
    tables = [f"{table}={folder / (table + '.parquet')}" for table in TABLES.values()]
    if binary.name == "kql_jsonl":
        return [str(binary), *tables]
    return [str(binary), "kql", "run", "--io", "jsonl", "--timing", *(part for table in tables for part in ("--table", table))]


class Engine:
    """A process that answers one query after the other."""

    def __init__(self, name, command, cores):
        self.name = name
        pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=pin)
        self.remarks = queue.Queue()
        threading.Thread(target=lambda: [self.remarks.put(line) for line in self.process.stderr], daemon=True).start()

    def ask(self, text, rows):
        """The answer, with milliseconds, milliseconds of processor time and the peak of memory in MiB."""
        pid = self.process.pid
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # The peak starts anew.
        before, start = processor(pid), time.perf_counter()
        try:
            self.process.stdin.write(json.dumps({"id": 1, "query": text, "rows": rows}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": {"message": "the process is gone"}}
        line = self.process.stdout.readline()
        if not line:
            return {"error": {"message": "the process is gone"}}
        answer = json.loads(line)
        answer["round trip"] = (time.perf_counter() - start) * 1e3
        answer["processor"] = processor(pid) - before
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        answer["memory"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
        if "error" not in answer and "milliseconds" not in answer:
            answer["milliseconds"] = sum(self.stages().values())
        return answer

    def stages(self):
        while True:
            line = self.remarks.get(timeout=10)
            if line.startswith("{"):
                return json.loads(line)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def processor(pid):
    """Milliseconds that the threads of a process ran."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / 1e6


def same(hunt, one, other):
    """Whether two answers have the same rows, whatever their order."""
    key = lambda row: json.dumps([cell for i, cell in enumerate(row) if i not in hunt.about])
    left, right = (sorted(([canonical(cell) for cell in row] for row in rows), key=key) for rows in (one, other))
    if len(left) != len(right):
        return False
    for a, b in zip(left, right):
        if key(a) != key(b) or any(abs(a[i] - b[i]) > 0.15 * max(a[i], b[i]) for i in hunt.about):
            return False
    return True


def canonical(cell):
    if isinstance(cell, list):
        return sorted(map(canonical, cell), key=json.dumps)
    return "" if cell is None else cell


def measure(hunt, engines, runs):
    found = {}
    for engine in engines:
        text = {"duckdb": hunt.duckdb, "chdb": hunt.chdb}.get(engine.name)
        if text is None:
            text = hunt.kql
            for short, table in TABLES.items():
                text = text.replace("{%s}" % short, table)
        # The first answer is for comparison; it also warms what an engine keeps.
        first = engine.ask(text, True)
        if "error" in first:
            error = first["error"]
            found[engine.name] = {"error": error if isinstance(error, str) else error["message"]}
            continue
        taken = []
        while len(taken) < runs:
            taken.append(engine.ask(text, False))
            if taken[-1]["milliseconds"] > SLOWEST:
                break
        middle = lambda what: statistics.median(answer[what] for answer in taken)
        found[engine.name] = {"rows": first["rows"], "wall": middle("milliseconds"), "cpu": middle("processor"), "memory": max(a["memory"] for a in taken), "all": [a["milliseconds"] for a in taken]}
    return found


def line(hunt, found, names):
    answers = [found[name]["rows"] for name in names if "rows" in found[name]]
    agree = all(same(hunt, answers[0], other) for other in answers[1:]) if answers else False
    cells = [hunt.name, f"{len(answers[0]):,}" if answers else "-", "yes" if agree else "**no**"]
    for name in names:
        one = found[name]
        cells.append("error" if "error" in one else f"{one['wall']:.0f} ({one['cpu']:.0f}, {one['memory']:.0f})")
    peers = [found[name]["wall"] for name in names if name in PEERS and "wall" in found[name]]
    for name in OURS:
        if name in names:
            cells.append(f"{found[name]['wall'] / min(peers):.2f}" if peers and "wall" in found[name] else "-")
    return "| " + " | ".join(cells) + " |", agree


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5_000_000, help="process starts; a quarter as many connections (20000000 for the large run)")
    options.add_argument("--threads", type=int, default=os.cpu_count(), help="cores that every engine gets")
    options.add_argument("--runs", type=int, default=5, help="runs that count, after one that does not")
    options.add_argument("--hunts", default="*", help="names to run, as a pattern: 's*', 'h4*'")
    options.add_argument("--engines", default="bartizan,indexed,duckdb,chdb")
    options.add_argument("--binary", type=pathlib.Path, help="a bartizan to measure, or hunting's example kql_jsonl, which builds faster; without it a release is built")
    options.add_argument("--out", type=pathlib.Path, help="append every figure to this file as a line of JSON")
    given = options.parse_args()
    binary = given.binary or release()
    python = environment()
    folder = data(python, given.rows)
    sys.path.insert(0, str(HERE))
    from hunts import HUNTS

    cores = set(sorted(os.sched_getaffinity(0))[: given.threads]) if given.threads < os.cpu_count() else None
    names = given.engines.split(",")
    commands = {"bartizan": ours(binary, folder)}
    if "indexed" in names:
        commands["indexed"] = ours(binary, indexed(binary, folder))
    if "stored" in names:
        commands["stored"] = [str(example("kql_jsonl")), str(stored(folder))]
    for peer in PEERS:
        commands[peer] = [str(python), str(HERE / "peer.py"), peer, str(folder), str(given.threads)]
    engines = [Engine(name, commands[name], cores) for name in names]
    load = os.getloadavg()[0]
    print(f"{given.rows:,} process starts, {given.rows // 4:,} connections; {given.threads} cores; load average {load:.1f} before; median of {given.runs}: wall ms (processor ms, peak MiB)\n")
    ratios = [name for name in OURS if name in names]
    print(f"| hunt | rows | agree | {' | '.join(names)} | {' | '.join(f'ratio of {name}' for name in ratios)} |\n|---|---|---|{'---|' * len(names + ratios)}", flush=True)
    wrong = []
    for hunt in HUNTS:
        if not fnmatch.fnmatch(hunt.name, given.hunts):
            continue
        found = measure(hunt, engines, given.runs)
        text, agree = line(hunt, found, names)
        print(text, flush=True)
        for name, one in found.items():
            if "error" in one:
                print(f"  {hunt.name}: {name}: {one['error']}", file=sys.stderr)
        if not agree:
            wrong.append(hunt.name)
        if given.out:
            kept = {name: {k: v for k, v in one.items() if k != "rows"} for name, one in found.items()}
            with given.out.open("a") as file:
                file.write(json.dumps({"hunt": hunt.name, "rows": given.rows, "threads": given.threads, "load": os.getloadavg()[0], "engines": kept}) + "\n")
    for engine in engines:
        engine.end()
    print(f"\nload average {os.getloadavg()[0]:.1f} after; ratio: our time by the better peer's, below 1 is faster")
    if wrong:
        sys.exit(f"answers differ: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
