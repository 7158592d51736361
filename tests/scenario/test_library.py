"""libcimfony from outside: a program in C and one in C++ that know only include/cimfony and the shared library."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from daemon import PASSWORD, TOP, USER, Daemon, binary

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <cimfony/mof.h>
#include <cimfony/operation.h>
#include <cimfony/path.h>

static bool out(cimf_str text, void *arg) { (void)arg; return fwrite(text.p, 1, text.n, stdout) == text.n; }

int main(int argc, char **argv)
{
    cimf_session_options o = CIMF_SESSION_OPTIONS_INIT;
    cimf_session *s = NULL;
    cimf_operation *list = NULL, *one = NULL;
    const cimf_instance *in = NULL, *again = NULL;
    cimf_instance *kept = NULL;
    cimf_error e;
    if (argc != 3) return 2;
    o.password = cimf_str_of(argv[2]);
    if (cimf_session_open(cimf_str_of(argv[1]), &o, &s, &e) != CIMF_OK) { puts(e.text); return 1; }
    if (cimf_enumerate(s, cimf_str_of(""), cimf_str_of("Win32_Process"), 0, &list, &e) != CIMF_OK) return 1;
    int count = 0, missing = 0;
    while (cimf_operation_next(list, &in, &e) == CIMF_OK && in) {
        /* While the list is open, the same connection serves another question. */
        if (++count > 3) continue;
        if (cimf_get(s, cimf_str_of(""), cimf_instance_path(in), &one, &e) != CIMF_OK) return 1;
        if (cimf_operation_next(one, &again, &e) != CIMF_OK || !again) missing++;
        else if (!kept && cimf_instance_copy(again, &kept) != CIMF_OK) return 1;
        cimf_operation_free(one);
    }
    cimf_operation_free(list);
    cimf_session_free(s);
    cimf_mof_instance(kept, out, NULL); /* outlives its session */
    cimf_instance_free(kept);
    printf("%d %d\n", count, missing);
    return 0;
}
"""


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library = pathlib.Path(binary("cim")).resolve().parent.parent / "src/client/libcimfony.so"
        if not cls.library.exists():
            raise unittest.SkipTest("the shared library is not built")

    def test_exports_are_the_headers(self):
        promised = set()
        for header in (TOP / "include/cimfony").glob("*.h"):
            promised |= set(re.findall(r"CIMF_API [^;{]*?(cimf_\w+)\(", header.read_text()))
        done = subprocess.run(["nm", "-D", "--defined-only", str(self.library)], capture_output=True, text=True, check=True)
        exported = {line.split()[2] for line in done.stdout.splitlines() if not line.split()[2].startswith("__")}
        self.assertEqual(promised, exported)

    def test_programs(self):
        with Daemon() as daemon, tempfile.TemporaryDirectory() as folder:
            host, port = daemon.address()
            for compiler, name, standard in (("gcc", "a.c", "c11"), ("g++", "a.cc", "c++17")):
                source = pathlib.Path(folder, name)
                source.write_text(PROGRAM)
                program = str(source) + ".out"
                subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
                                "-fsanitize=address,undefined", f"-I{TOP}/include", str(source), str(self.library),
                                f"-Wl,-rpath,{self.library.parent}", "-o", program], check=True)
                done = subprocess.run([program, f"wsmv://{USER}@{host}:{port}", PASSWORD], capture_output=True, text=True, timeout=60,
                                      env=dict(os.environ))
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("instance of Win32_Process", done.stdout)
                self.assertRegex(done.stdout.splitlines()[-1], r"^\d+ [01]$")


if __name__ == "__main__":
    unittest.main()
