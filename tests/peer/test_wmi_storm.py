"""Calls of MS-WMI that are right by chance only: parameters of every kind and their absence, in any combination, on services and on whatever
they give out. The daemon answers each of them and lives on. CIMFONY_STORM=N makes N calls, CIMFONY_SEED another choice of them."""
import os
import random
import sys
import unittest

import test_wmi_impacket as base
from test_wmi_rows import *

INSIDE = sys.argv[1:2] == ["--inside"]
# IWbemServices: t text, f flags, c context, o object, s sink, p pointer to a pointer.
SHAPES = {3: "tfcpp", 4: "s", 5: "f", 6: "tfcpp", 7: "tfcs", 8: "ofcp", 9: "ofcs", 10: "tfcp", 11: "tfcs", 12: "tfc", 13: "tfcs", 14: "ofcp", 15: "ofcs",
          16: "tfcp", 17: "tfcs", 18: "tfc", 19: "tfcs", 20: "ttfc", 21: "ttfcs", 22: "ttfc", 23: "ttfcs", 24: "ttfcopp", 25: "ttfcos"}
TEXTS = [None, "", "R_Thing", "R_Thing.Id=1", "R_Only=@", "R_None", "rows", "..", "__SystemSecurity=@", "R_Calls.Id=1", "\ud800", "x" * 5000,
         '__NAMESPACE.Name="q"', "select * from R_Thing", "associators of {R_Thing.Id=1}", "select * from meta_class",
         "select * from __InstanceCreationEvent within 1", "WQL"]
FLAGS = [0, 0, 0x10, 0x30, 0x20, 0x80, 1, 2, 0x40, 0x20000, 0x200, 0x20010, 0x90, 0xffffffff]


class StormTest(Rows):
    def parameters(self, draw, opnum, objects, contexts):
        stub = Stub()
        for kind in SHAPES[opnum]:
            if kind == "t":
                language = opnum in (20, 21, 22, 23) and not stub and draw.random() < 0.5
                stub.bstr("WQL" if language else draw.choice(TEXTS))
            elif kind == "f":
                stub.u32(draw.choice(FLAGS))
            elif kind == "p":
                stub.pair(draw.random() < 0.5)
            else:
                stub.interface(draw.choice({"c": contexts, "o": objects, "s": [None, sink(), sink("192.0.2.1"), b"x"]}[kind]))
        return stub

    def test_storm(self):
        draw, s, given = random.Random(int(os.environ.get("CIMFONY_SEED", "4"))), self.session(), []
        empty = s.get("").pair()
        objects = [None, b"", b"MEOW", s.get("R_Thing").pair(), self.thing(s, 50), empty, sink(), s.get("__SystemSecurity").pair(), new_class(empty, "R_X", "k")]
        contexts = [None, None, None, context(a=1), b"junk", context(__PUT_EXTENSIONS=True, __PUT_EXT_PROPERTIES=["Name"]),
                    context(__GET_EXTENSIONS=True, __GET_EXT_PROPERTIES=["Name"]), sink()]
        for _ in range(int(os.environ.get("CIMFONY_STORM", "1500"))):
            if given and draw.random() < 0.35:  # an enumerator, a call result, other services, a sink: whatever the number means there
                opnum = draw.randrange(3, 9)
                stub = Stub().u32(0 if opnum == 4 else draw.choice([0, 1, 100, 0xffffffff]), draw.choice([0, 1, 5, 0xffffffff]))
                s.link.call(draw.choice(given), opnum, stub if draw.random() < 0.7 else stub.interface(draw.choice(objects)))
                continue
            opnum = draw.choice(list(SHAPES))
            a = s.link.call(s.ipid, opnum, self.parameters(draw, opnum, objects, contexts))
            at = a.data.find(b"MEOW\1\0\0\0") if a.data else -1
            if at >= 0:
                given = (given + [a.data[at + 48:at + 64]])[-40:]
        self.assertEqual(s.get("__SystemClass").hresult, 0)


CASES = [StormTest]
if INSIDE and __name__ == "__main__":
    base.inside(sys.argv[2:], CASES)
    sys.exit(0)


@unittest.skipUnless(base.available(), "needs root, impacket and aiowmi")
class WmiStormTest(unittest.TestCase):
    def test_all(self):
        base.run_inside(self, __file__, 1)


def load_tests(loader, tests, pattern):
    return loader.loadTestsFromTestCase(WmiStormTest)


if __name__ == "__main__":
    unittest.main()
