"""Every Python test can be started alone, from anywhere, without a search path: what it imports from beside it or from tests/scenario is found."""
import ast
import os
import subprocess
import sys
import unittest

from daemon import TOP

SHARED = {p.stem for p in (TOP / "tests" / "scenario").glob("*.py")}
FOLDERS = ("peer", "provider")


def at_top(tree):
    """Statements that are executed at import, in order; also those below try and if."""
    for node in tree.body:
        yield from (n for n in ast.walk(node)) if isinstance(node, (ast.Try, ast.If)) else (node,)


def first_line(tree, wanted):
    return min((n.lineno for n in at_top(tree) if wanted(n)), default=None)


def imports_shared(node):
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
    return bool(SHARED.intersection(names))


def finds_shared(node):
    if isinstance(node, ast.Import):
        return any(a.name == "scenario_path" for a in node.names)
    return "sys.path" in ast.unparse(node) and "scenario" in ast.unparse(node) if isinstance(node, (ast.Assign, ast.Expr)) else False


class Alone(unittest.TestCase):
    def test_shared_modules_are_found(self):
        seen = 0
        for folder in FOLDERS:
            for path in sorted((TOP / "tests" / folder).glob("*.py")):
                tree = ast.parse(path.read_text())
                needs, finds = first_line(tree, imports_shared), first_line(tree, finds_shared)
                seen += needs is not None
                with self.subTest(file=path.name):
                    self.assertTrue(needs is None or (finds is not None and finds < needs), "import scenario_path before modules of tests/scenario")
        self.assertGreater(seen, 20)

    def test_every_test_is_a_program(self):
        for folder in ("scenario", *FOLDERS):
            for path in sorted((TOP / "tests" / folder).glob("test_*.py")):
                with self.subTest(file=path.name):
                    self.assertIn('if __name__ == "__main__":', path.read_text())

    def test_one_from_elsewhere(self):
        """A peer test that needs no peers, started as the README says."""
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run([sys.executable, str(TOP / "tests" / "peer" / "test_domain.py"), "--help"], cwd="/", env=env, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
