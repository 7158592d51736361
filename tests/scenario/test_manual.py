"""Manuals and completions know every command and option that the programs have."""
import pathlib
import re
import subprocess
import unittest

from daemon import TOP, binary

COMPLETIONS = ["data/completion/cim.bash", "data/completion/_cim", "data/completion/cim.fish"]


def text(path):
    return (TOP / path).read_text()


def help_of(program, *args):
    return subprocess.run([binary(program), *args, "--help"], capture_output=True, text=True, check=True).stdout


class Manual(unittest.TestCase):
    def commands(self, program):
        found = re.findall(r"^  ([a-z]+) ", help_of(program), re.M) if program == "cim" else re.findall(r"^  cimd ([a-z]+) ", help_of(program), re.M)
        self.assertGreater(len(found), 4)
        return found

    def test_cim_commands(self):
        for command in self.commands("cim"):
            self.assertRegex(text("docs/man/cim.1"), rf"(?m)^\.BI {command} ")
            for completion in COMPLETIONS:
                self.assertRegex(text(completion), rf"\b{command}\b", completion)

    def test_cim_options(self):
        page = text("docs/man/cim.1").replace("\\-", "-")
        options = set()
        for command in self.commands("cim"):
            options |= set(re.findall(r"--([a-z-]+)", help_of("cim", command).split("\n\n", 2)[2]))
        for option in options:
            self.assertIn("--" + option, page)
            for completion in COMPLETIONS:
                words = re.findall(r"(?:--|-l )([a-z-]+)", text(completion))
                self.assertIn(option, words, completion)

    def test_cimd(self):
        page = text("docs/man/cimd.8").replace("\\-", "-")
        for command in self.commands("cimd"):
            self.assertRegex(page, rf'(?m)^\.BR? ?I? "?{command}\b')
        done = subprocess.run([str(TOP / "tools/manual"), "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_bash_completion(self):
        def complete(*words):
            script = f'. "{TOP}/data/completion/cim.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cim; printf "%s\\n" "${{COMPREPLY[@]}}"'
            done = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], capture_output=True, text=True, check=True)
            return done.stdout.split()

        self.assertEqual(complete("cim", "cl"), ["classes", "class"])
        self.assertEqual(complete("cim", "ls", "-o", "j"), ["json"])
        self.assertIn("wsmv+https://", complete("cim", "get", "w"))
        self.assertEqual(complete("cim", "ls", "wsmv://h", "--ex"), ["--exact"])
        self.assertEqual(complete("cim", "get", "wsmv://h", "--ex"), [])


if __name__ == "__main__":
    unittest.main()
