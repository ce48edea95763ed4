"""The README's tour, a guide, and the pages for people in a browser."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

from suite import CASE_LIMIT, ROOT, install_node, node


# Notes each line of a document that fails, with its exit code: the line at the top, whatever function it called. The document starts
# on the script's second line, after this.
TRAP = (
    "set -E -o pipefail; trap 'code=$? line=$LINENO; "
    "for ((i = 0; i < ${#FUNCNAME[@]} - 1; i++)); do line=${BASH_LINENO[i]}; done; "
    "echo $((line - 1)) $code >> \"$FAILURES\"' ERR"
)


def shell_lines(document, fences, heading=None):
    """What stands in the fenced blocks of a document, below one heading or anywhere, every line at the number that it has there."""
    lines, inside, here = [], False, heading is None
    for line in (ROOT / document).read_text().splitlines():
        if heading and line.startswith("## "):
            here = line == heading
        fence = line.startswith("```")
        inside = line in fences if fence else inside
        lines.append(line if here and inside and not fence else "")
    return lines


def works_as_written(suite, lines, folder, cwd):
    """Runs the lines: those that say `exit code N` fail with it, and no others."""
    expected = {n: int(line.rsplit("exit code ", 1)[1]) for n, line in enumerate(lines, 1) if "exit code " in line}
    failures, script = folder / "failures", folder / "script.sh"
    (folder / ".curlrc").write_text("fail-with-body\n")
    script.write_text("\n".join([TRAP, *lines, ""]))
    # As somebody who has sourced nothing: the administrator's profile of the data directory.
    environment = {name: value for name, value in suite.environment.items() if not name.startswith("BARTIZAN_")}
    programs = [str(pathlib.Path(program).parent) for program in (suite.bartizan, sys.executable)]
    environment.update(
        BARTIZAN_DATA=str(suite.data), CURL_HOME=str(folder), FAILURES=str(failures), PYTHONDONTWRITEBYTECODE="1",
        PATH=os.pathsep.join([*programs, environment["PATH"]]),
    )
    done = subprocess.run(
        ["bash", str(script)], cwd=cwd, env=environment, text=True, capture_output=True, timeout=5 * CASE_LIMIT
    )
    pairs = [line.split() for line in failures.read_text().splitlines()] if failures.exists() else []
    found = {int(line): int(code) for line, code in pairs}
    assert found == expected, "lines and exit codes: %r instead of %r: %s" % (found, expected, done.stderr[-1500:])
    return "%d lines" % sum(1 for line in lines if line)


def readme_cases(suite):
    """The README's tour, line by line, in a folder that has the files which it names."""
    if not shutil.which("bash"):
        suite.skip("the README's tour", "no bash here")
        return

    def tour_works():
        with tempfile.TemporaryDirectory(prefix="bartizan-tour-") as folder:
            folder = pathlib.Path(folder)
            (folder / "docs").symlink_to(ROOT / "docs")
            (folder / "demo").symlink_to(ROOT / "demo")
            return works_as_written(suite, shell_lines("README.md", ["```sh"], "## Five minutes"), folder, folder)

    suite.case("the README's tour", tour_works)


def guide_cases(suite):
    """The guide to user context with the blocks that need MSAL, which the tests in Rust leave out."""
    if not shutil.which("bash"):
        suite.skip("the guide to user context", "no bash here")
        return

    def guide_works():
        with tempfile.TemporaryDirectory(prefix="bartizan-guide-") as folder:
            lines = shell_lines("docs/guide-user-context.md", ["```sh", "```sh msal"])
            return works_as_written(suite, lines, pathlib.Path(folder), ROOT)

    suite.case("the guide to user context, with MSAL", guide_works)


def browser_cases(suite):
    """The pages for people, in Chromium."""
    names = ["sign-in", "without scripts", "second factors", "a new password", "admin consent", "device code", "refusals and explanations"]
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
