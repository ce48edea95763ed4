#!/usr/bin/env python3
"""Runs real, unmodified clients against a server of its own, and says which of them work.

    python3 -m venv VENV && VENV/bin/pip install -r tests/clients/requirements.txt
    VENV/bin/python tests/clients/run.py --bartizan target/debug/bartizan

The server is `bartizan demo` on a temporary data directory and free ports; it is stopped at the end, whatever happens. `--only WORD` runs the
cases whose names have the word in them, `--table` prints docs/clients.md.
"""

import argparse
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import curl_cases
import issuer as issuers
import matrix
import page_cases
import stage
from suite import FOREIGN, HERE, ROOT, Failed, Suite, install_node, node, start, stop

# Building the Rust client may mean building its TLS.
BUILD_LIMIT = 600


def scripted(suite, case, door, program, *arguments, **more):
    """A case of a script of ours that uses the library."""
    environment = {**more, "BARTIZAN_TEST_PYTHON": sys.executable}
    if door == matrix.RUN:
        return suite.below_run(program, *arguments, case.name, door, environment=environment).strip()
    own = {**suite.trust(), **environment}
    return suite.run(program, *arguments, case.name, door, environment=own).strip()


def urllib_example(suite, *_):
    """The documentation's script, which has Microsoft's hosts written into it."""
    lines = suite.below_run(sys.executable, "docs/examples/get_token.py").splitlines()
    assert lines, "no incident"
    return "%d incidents" % len(lines)


def has_openssl():
    """Whether programs can be built with OpenSSL here, which a certificate in the Rust client takes."""
    program = shutil.which("pkg-config")
    return bool(program) and subprocess.run([program, "--exists", "openssl"]).returncode == 0


def rust_client(suite, target):
    """Builds the Rust client; its program."""
    command = [
        "cargo", "build", "--quiet", "--locked", "--manifest-path", str(HERE / "rust/Cargo.toml"),
        "--target-dir", str(target), *(["--features", "certificate"] if has_openssl() else []),
    ]
    # The caller's own environment: the registry may lie behind a proxy.
    built = subprocess.run(command, text=True, capture_output=True, timeout=BUILD_LIMIT, cwd=ROOT)
    if built.returncode != 0:
        raise Failed("cargo build: " + built.stderr.strip()[-600:])
    return str(target / "debug" / "bartizan-client-suite")


def runners(suite, told, wanted):
    """How each client's case is run."""
    install_node(HERE / "node")
    node_program = node()[0]
    by_curl = curl_cases.cases(suite, told)
    made = {
        "MSAL Python": (sys.executable, str(HERE / "msal_cases.py")),
        "azure-identity": (sys.executable, str(HERE / "azure_cases.py")),
        "msal-node": (node_program, str(HERE / "node/msal.mjs")),
        "@azure/identity": (node_program, str(HERE / "node/identity.mjs")),
    }
    if any(case.client == "azure_identity" for case, _ in wanted):
        # Beside the binary under test: what both need is built once.
        made["azure_identity"] = (rust_client(suite, pathlib.Path(suite.bartizan).parent.parent),)

    def run(case, door):
        if case.client == "curl":
            return by_curl[case.name](door)
        if case.client == "urllib":
            return urllib_example(suite)
        more = {}
        if case.client == "azure_identity" and door == matrix.OWN:
            more["AZURE_AUTHORITY_HOST"] = suite.environment["BARTIZAN_URL"]
        return scripted(suite, case, door, *made[case.client], **more)

    return run


def client_cases(suite, only, issuer, folder):
    """Every client of the table, by each of its doors."""
    wanted = [(case, door) for case in matrix.CASES for door in case.doors]
    title = "{0.client}, {0.name}, {1}".format
    wanted = [pair for pair in wanted if only in title(*pair)]
    by_openssl = [pair for pair in wanted if pair[0][:2] == ("azure_identity", "certificate")]
    if by_openssl and not has_openssl():
        for pair in by_openssl:
            suite.skip(title(*pair), "no headers of OpenSSL here (libssl-dev and pkg-config)")
        wanted = [pair for pair in wanted if pair not in by_openssl]
    if not wanted:
        return
    told = stage.build(suite, issuer, folder)
    suite.environment["BARTIZAN_TEST_STAGE"] = str(told)
    run = runners(suite, json.loads(told.read_text()), wanted)
    suite.cases([(title(*pair), functools.partial(run, *pair)) for pair in wanted])


def document_case(suite):
    """The table in the documentation."""
    def current():
        assert (ROOT / "docs/clients.md").read_text() == matrix.table(), "make it anew: run.py --table > docs/clients.md"
        return "%d cases" % sum(len(case.doors) for case in matrix.CASES)

    suite.case("docs/clients.md", current)


def settings(data, issuer):
    """The server's settings: an issuer on loopback may be asked, and nobody counts how often one application calls."""
    data.mkdir(mode=0o700)
    lines = [
        "rate-limits = false",
        "issuer-hosts = [%s]" % json.dumps(issuer.host),
        "issuer-ca = %s" % json.dumps(str(issuer.ca)),
    ]
    (data / "bartizan.toml").write_text("\n".join(lines) + "\n")


def run_all(bartizan, environment, only, folder):
    """Starts the server, runs the cases and stops it; gives the count."""
    data = folder / "data"
    issuer = issuers.Issuer(folder)
    suite = None
    try:
        settings(data, issuer)
        suite = Suite(bartizan, {**environment, **start(bartizan, data, environment)}, data)
        groups = [functools.partial(client_cases, only=only, issuer=issuer, folder=folder)]
        if not only:
            groups += [document_case, page_cases.readme_cases]
        if not only or "guide" in only:
            groups += [page_cases.guide_cases]
        if not only or "browser" in only:
            groups += [page_cases.browser_cases]
        for group in groups:
            try:
                group(suite)
            except (Failed, subprocess.TimeoutExpired) as error:
                suite.failed += 1
                print("FAILED   %s: %s" % (getattr(group, "func", group).__doc__, error), flush=True)
        wanted = [path for path in issuer.asked if path == "/keys"]
        print("the issuer's keys were read %d times" % len(wanted), flush=True)
    except Failed as error:
        suite = suite or Suite(bartizan, environment)
        suite.failed += 1
        print("FAILED   %s" % error, flush=True)
    finally:
        stop(bartizan, data, environment)
        issuer.stop()
    return suite


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bartizan", type=pathlib.Path, help="the binary")
    parser.add_argument("--only", default="", help="run the cases whose names have this in them")
    parser.add_argument("--table", action="store_true", help="print docs/clients.md")
    arguments = parser.parse_args()
    if arguments.table:
        print(matrix.table(), end="")
        return 0
    if not (arguments.bartizan and arguments.bartizan.exists()):
        parser.error("--bartizan PATH of the binary")
    bartizan = arguments.bartizan.resolve()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN and not name.startswith(("BARTIZAN_", "AZURE_"))
    }
    # The caller's patience ends with a signal; the server must end then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="bartizan-clients-") as folder:
        suite = run_all(bartizan, environment, arguments.only, pathlib.Path(folder))
    skipped = ", %d skipped" % suite.skipped if suite.skipped else ""
    print("clients: %d passed, %d failed%s" % (suite.passed, suite.failed, skipped))
    return 1 if suite.failed or not suite.passed else 0


if __name__ == "__main__":
    sys.exit(main())
