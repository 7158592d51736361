"""Writes a C file that holds MOF files as string constants (schema.h).

usage: embed.py OUT NAMESPACES_DEF [NAMESPACE FILE]...
"""
import hashlib
import os
import sys


def constant(data):
    """The bytes as C string literals, one line of text each."""
    out = []
    for line in data.split(b"\n"):
        text = "".join(
            "\\" + chr(b) if b in b'"\\' else chr(b) if 32 <= b < 127 and b != ord("?") else "\\%03o" % b
            for b in line)
        out.append('    "%s\\n"' % text)
    if data.endswith(b"\n"):
        out.pop()
    else:
        out[-1] = out[-1][:-3] + '"'
    return "\n".join(out)


def main():
    out, namespaces, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    digest = hashlib.sha256(open(namespaces, "rb").read())
    parts = ['#include "schema.h"\n']
    rows = []
    for i, (ns, path) in enumerate(zip(rest[::2], rest[1::2])):
        data = open(path, "rb").read()
        name = os.path.basename(path)
        digest.update(("%s\0%s\0%d\0" % (name, ns, len(data))).encode() + data)
        parts.append("static const char text_%d[] =\n%s;\n" % (i, constant(data)))
        rows.append('    { "%s", "%s", text_%d, sizeof text_%d - 1 },' % (name, ns, i, i))
    parts.append("const struct schema_file schema_files[] = {\n%s\n};" % "\n".join(rows))
    parts.append("const size_t schema_file_count = sizeof schema_files / sizeof schema_files[0];")
    parts.append('const char schema_version[] = "%s";\n' % digest.hexdigest()[:32])
    with open(out, "w") as f:
        f.write("\n".join(parts))


main()
