"""One end of an authentication that is ours: tests/mech/token_tool over pipes."""
import base64
import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ.get("CIMFONY_BIN", pathlib.Path(__file__).resolve().parents[2] / "build-check" / "bin")).parent
TOOL = BUILD / "tests" / "mech" / "token_tool"


class Tool:
    path = TOOL

    def __init__(self, *words, env=None, prefix=()):
        """prefix: a command to run the tool with (nsenter)."""
        self.process = subprocess.Popen([*prefix, str(self.path), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=env)

    def ask(self, verb, *data):
        self.process.stdin.write(" ".join([verb, *(base64.b64encode(d).decode() for d in data or (b"",))]) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def step(self, token):
        word, _, text = self.ask("token", token or b"").partition(" ")
        return word, base64.b64decode(text)

    def bytes(self, verb, *data):
        """The answer; ValueError when the tool says that the data is bad."""
        text = self.ask(verb, *data)
        if text == "bad":
            raise ValueError(verb)
        return base64.b64decode(text)

    def text(self, verb, *data):
        return self.bytes(verb, *data).decode()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        assert self.process.returncode == 0, self.process.returncode


def failure(*words, env=None):
    """What a tool says that cannot even begin."""
    done = subprocess.run([str(TOOL), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
    assert done.returncode == 1, done
    return done.stderr
