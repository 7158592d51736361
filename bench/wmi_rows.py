"""Rows of WMI over DCOM: small calls beside a TCP echo of the same sizes, results of a query beside a responder that sends as many bytes,
memory of clients that stay. The client is bench/wmi."""
import json
import os
import re
import subprocess

OBJECTS, AT_ONCE, CLIENTS = 10000, 1000, 1000
QUERY = "SELECT * FROM Bench"
MOF = "class Bench { [key] string Name; uint32 Number; string Text; };\n" + "".join(
    f'instance of Bench {{ Name = "n{i:05}"; Number = {i}; Text = "text of instance {i}"; }};\n' for i in range(OBJECTS))


class WmiRows:
    def __init__(self, top, daemon, seconds, user, password, rows, ceiling):
        self.tool, self.daemon, self.seconds, self.rows, self.ceiling = str(top / "build/bench/wmi"), daemon, seconds, rows, ceiling
        self.user, self.env = user, {**os.environ, "CIM_PASSWORD": password}

    def command(self, *args):
        pids = ",".join(map(str, self.daemon.processes().values()))
        return [self.tool, "-u", self.user, "-P", str(self.daemon.address("epmap")[1]), "-p", pids, "-t", str(self.seconds), *map(str, args)]

    def wmi(self, *args):
        done = subprocess.run(self.command(*args), capture_output=True, text=True, env=self.env)
        if done.returncode:
            raise SystemExit(f"bench: wmi {args}: {done.stderr}")
        return json.loads(done.stdout)

    def echo(self, sent, got):
        """The same number of bytes each way without looking at them."""
        with self.ceiling(int(got), raw=True) as (port, pid):
            done = subprocess.run([self.tool, "-P", str(port), "-p", str(pid), "-t", str(self.seconds), "echo", str(sent), str(int(got))],
                                  capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["cpu_us_per_call"]

    def small(self):
        """ServerAlive2 is 24 bytes; a call of an object 24, its identifier, ORPCTHIS, 12 bytes, and 32 of the signature."""
        for title, level, sent in (("DCE/RPC call without login (ServerAlive2)", "none", 24), ("DCOM call, integrity (EstablishPosition)", "integrity", 120),
                                   ("DCOM call, privacy (EstablishPosition)", "privacy", 120)):
            ours = self.wmi("-l", level, "calls")
            ceiling = self.echo(sent, ours["bytes_per_reply"])
            us = ours["cpu_us_per_call"]
            self.rows.append((title, f"{us:.1f} us", f"{ceiling:.1f} us", f"{us / ceiling:.1f}", "12 us" if level == "none" else "-"))

    def queries(self):
        for title, smart in (("Next", []), ("SmartEnum", ["-s"])):
            for level in ("integrity", "privacy"):
                ours = self.wmi("-l", level, "-n", AT_ONCE, "-r", 20, *smart, "query", QUERY)
                ceiling = self.echo(72, ours["bytes"] * AT_ONCE / OBJECTS) / AT_ONCE
                us = ours["cpu_us_per_object"]
                self.rows.append((f"WMI ExecQuery of {OBJECTS:,}, {title} of {AT_ONCE:,}, {level}: an instance", f"{us:.2f} us", f"{ceiling:.2f} us",
                                  f"{us / ceiling:.1f}", "3 us"))
        ours = self.wmi("-l", "privacy", "-n", 1, "-r", 1, "query", QUERY)
        self.rows.append((f"WMI ExecQuery of {OBJECTS:,}, Next of 1, privacy: an instance", f"{ours['cpu_us_per_object']:.1f} us", "-", "-", "-"))

    def private(self):
        """KB of anonymous memory of all processes: what a client adds, whoever shares the program's pages."""
        total = 0
        for pid in self.daemon.processes().values():
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss_Anon:\s+(\d+)", f.read(), re.M).group(1))
        return total

    def held(self, what):
        before = self.private()
        with subprocess.Popen(self.command("-c", CLIENTS, what), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.env) as tool:
            if tool.stdout.readline().strip() != "ready":
                raise SystemExit(f"bench: {CLIENTS} {what} could not be had")
            kb = (self.private() - before) / CLIENTS
            tool.stdin.close()
        return kb

    def memory(self):
        """Of a daemon that has freed nothing yet; the first client pays for the schema."""
        self.wmi("-l", "privacy", "-c", 1, "-t", "0.1", "calls")
        self.rows.append(("memory per idle DCE/RPC connection, no login", f"{self.held('connections'):.1f} KB", "-", "-", "4 KB"))
        self.rows.append((f"memory per WMI client with an IWbemServices, of {CLIENTS:,}", f"{self.held('clients'):.1f} KB", "-", "-", "-"))
