"""j-Interop, a DCOM stack in Java that others wrote, from Maven's central repository, and our program over it (java/WmiPeer.java): made once,
kept in .venv/java until one of its sources changes."""
import hashlib
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = [HERE / "java" / name for name in ("pom.xml", "WmiPeer.java")]
MADE = HERE.parent.parent / ".venv" / "java"


def make():
    """The class path, and why there is none: one of the two."""
    if not all(shutil.which(name) for name in ("java", "javac", "mvn")):
        return None, "needs a JDK and Maven"
    stamp, lib, classes = MADE / "stamp", MADE / "lib", MADE / "classes"
    wanted = hashlib.sha256(b"".join(p.read_bytes() for p in SOURCES)).hexdigest()
    path = f"{lib}/*:{classes}"
    if stamp.exists() and stamp.read_text() == wanted:
        return path, None
    shutil.rmtree(MADE, ignore_errors=True)
    classes.mkdir(parents=True)
    for command in (["mvn", "-B", "-q", "-f", str(SOURCES[0]), "dependency:copy-dependencies", f"-DoutputDirectory={lib}"],
                    ["javac", "-cp", f"{lib}/*", "-d", str(classes), str(SOURCES[1])]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            return None, f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}"
    stamp.write_text(wanted)
    return path, None


def run(path, *args):
    """Steps of the program -> what came of them."""
    quiet = ["-XX:TieredStopAtLevel=1", "-Djava.util.logging.config.file=" + os.devnull]
    done = subprocess.run(["java", *quiet, "-cp", path, "WmiPeer", *args], capture_output=True, text=True, timeout=240)
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    if done.returncode:
        raise AssertionError(f"WmiPeer ended with {done.returncode} after {found}:\n{done.stderr[-3000:]}")
    return found
