"""The README's tour, and the pages for people in a browser."""

import json
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import time
import tomllib

from suite import CASE_LIMIT, ROOT, install_node, node


def readme_cases(suite):
    """The README's tour, line by line, in a folder that has the files which it names."""
    if not shutil.which("bash"):
        suite.skip("the README's tour", "no bash here")
        return
    lines, inside, tour = [], False, False
    # Empty lines for all the rest, so that a line of the script has the number that it has in the README.
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("## "):
            tour = line == "## Five minutes"
        fence = line.startswith("```")
        inside = line == "```sh" if fence else inside
        lines.append(line if tour and inside and not fence else "")
    expected = {}
    for number, line in enumerate(lines, 1):
        if "exit code " in line:
            expected[number] = int(line.rsplit("exit code ", 1)[1])

    def tour_works():
        with tempfile.TemporaryDirectory(prefix="bartizan-tour-") as folder:
            folder = pathlib.Path(folder)
            failures = folder / "failures"
            (folder / "docs").symlink_to(ROOT / "docs")
            shutil.copy(next((ROOT / "demo/telemetry/otrf").glob("*.zip")), folder / "recording.zip")
            shutil.copy(sorted((ROOT / "demo/rules").glob("*.toml"))[0], folder / "my-rule.toml")
            row = {"Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "DeviceName": "tour", "FileName": "a.exe"}
            (folder / "rows.ndjson").write_text(json.dumps(row) + "\n")
            (folder / "rows.csv").write_text("name,size\na,1\n")
            (folder / "query.kql").write_text("T | count\n")
            (folder / ".curlrc").write_text("fail-with-body\n")
            trap = "set -E -o pipefail; trap 'echo $((LINENO - 1)) $? >> %s' ERR" % shlex.quote(str(failures))
            script = folder / "tour.sh"
            script.write_text("\n".join([trap, *lines, ""]))
            # As somebody who has sourced nothing: the administrator's profile of the data directory.
            names = [name for name in suite.environment if not name.startswith("BARTIZAN_")]
            environment = {name: suite.environment[name] for name in names}
            environment["BARTIZAN_DATA"] = str(suite.data)
            environment["CURL_HOME"] = str(folder)
            environment["PATH"] = "%s:%s" % (pathlib.Path(suite.bartizan).parent, environment["PATH"])
            done = subprocess.run(
                ["bash", str(script)], cwd=folder, env=environment, text=True, capture_output=True, timeout=5 * CASE_LIMIT
            )
            pairs = [line.split() for line in failures.read_text().splitlines()] if failures.exists() else []
        found = {int(line): int(code) for line, code in pairs}
        assert found == expected, "lines and exit codes: %r instead of %r: %s" % (found, expected, done.stderr[-1500:])
        return "%d lines" % sum(1 for line in lines if line)

    suite.case("the README's tour", tour_works)


def browser_cases(suite):
    """The pages for people, in Chromium."""
    names = ["sign-in", "without scripts", "second factors", "admin consent", "device code"]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        for name in names:
            suite.skip("browser, " + name, "no Chromium here")
        return
    folder = ROOT / "tests" / "browser"
    install_node(folder)
    profile = tomllib.loads((suite.data / "admin.toml").read_text())
    more = {
        "NODE_EXTRA_CA_CERTS": suite.environment["BARTIZAN_CA"],
        "OPERATOR_ID": profile["client-id"],
        "OPERATOR_SECRET": profile["client-secret"],
        "CHROMIUM": chromium,
    }
    script = str(folder / "pages.mjs")
    for name in names:
        suite.case("browser, " + name, lambda: suite.run(node()[0], script, name, environment=more).strip())
