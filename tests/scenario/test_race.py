"""Concurrent writers of one instance (MS-WMOD 2.4): of what is written at once, exactly one value per property
remains, and nothing is mixed within a property.

covers: cim-core:C18
"""
import threading
import unittest

from daemon import PASSWORD, USER, Daemon
from wsman import Client

WRITERS, ROUNDS = 8, 25


class Race(unittest.TestCase):
    def test_writers_of_one_instance(self):
        with Daemon() as daemon:
            mof = daemon.state / "race.mof"
            mof.write_text('class Race { [key] string Id; string A; string B; string Own0; string Own1; string Own2; string Own3; '
                           'string Own4; string Own5; string Own6; string Own7; };\ninstance of Race { Id = "x"; };\n')
            daemon.run("mof", str(mof))
            errors = []

            def write(number):
                client = Client(*daemon.address(), USER, PASSWORD)
                try:
                    for i in range(ROUNDS):
                        value = f"w{number}r{i}" * 50
                        client.put("root/default", "Race", {"A": value, f"Own{number}": value}, Id="x")
                        client.put("root/default", "Race", {"B": value}, Id="x")
                except Exception as error:
                    errors.append(error)
                finally:
                    client.close()

            threads = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(errors, [])
            client = Client(*daemon.address(), USER, PASSWORD)
            got = client.get("root/default", "Race", Id="x")
            client.close()
            last = [f"w{n}r{ROUNDS - 1}" * 50 for n in range(WRITERS)]
            for n in range(WRITERS):
                self.assertEqual(got[f"Own{n}"], last[n])  # disjoint properties: no write is lost
            self.assertIn(got["A"], last)
            self.assertIn(got["B"], last)


if __name__ == "__main__":
    unittest.main()
