"""What a machine says of itself against an independent reading of the same fact: /proc, lsblk, ip, df, ps,
systemctl, getent. A mixin for unittest: the user gives `rows(cls, **keys)`, a list of dicts of texts.

Two tests use it: scenario/test_live_values.py over the wire, provider/test_live.py on the providers alone.
"""
import datetime
import grp
import json
import os
import platform
import pwd
import re
import shutil
import subprocess
import sys
import time


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return None


def fields(path, separator=":"):
    lines = (line.split(separator, 1) for line in read(path).splitlines() if separator in line)
    return {k.strip(): v.strip() for k, v in lines}


def kilobytes(text):
    return int(text.split()[0])


def flag(text):
    return None if text is None else text.lower() == "true"


def several(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def moment(text):
    """Both forms of a datetime (CIM and xs:dateTime) as seconds since 1970."""
    cim = re.fullmatch(r"(\d{14})\.(\d{6})([+-]\d{3})", text)
    if cim:
        offset = datetime.timezone(datetime.timedelta(minutes=int(cim[3])))
        return datetime.datetime.strptime(cim[1] + cim[2], "%Y%m%d%H%M%S%f").replace(tzinfo=offset).timestamp()
    text = re.sub(r"(\.\d{6})\d+", r"\1", text.replace("Z", "+00:00"))
    return datetime.datetime.fromisoformat(text).timestamp()


class LiveValues:
    sees_programs = True  # of other users' processes: the kernel tells only who could trace them

    def one(self, cls, **keys):
        found = self.rows(cls, **keys)
        self.assertEqual(len(found), 1, f"{cls} {keys}")
        return found[0]

    def by(self, cls, key):
        found = self.rows(cls)
        result = {row[key]: row for row in found}
        self.assertEqual(len(result), len(found), f"{cls}.{key} is not unique")
        return result

    def close_to(self, got, want, slack):
        self.assertLessEqual(abs(float(got) - want), slack, f"{got} is not about {want}")

    # --- the machine -----------------------------------------------------------------------------------

    def test_operating_system(self):
        before = time.time()
        got = self.one("Win32_OperatingSystem")
        after = time.time()
        memory, release = fields("/proc/meminfo"), fields("/etc/os-release", "=")
        self.assertEqual(got["Caption"], release["PRETTY_NAME"].strip('"'))
        self.assertEqual(got["CSName"], platform.node().split(".")[0])
        self.assertEqual(got["OSArchitecture"], "64-bit" if sys.maxsize > 2**32 else "32-bit")
        self.assertEqual(int(got["TotalVisibleMemorySize"]), kilobytes(memory["MemTotal"]))
        self.assertEqual(int(got["SizeStoredInPagingFiles"]), kilobytes(memory["SwapTotal"]))
        self.assertEqual(int(got["TotalVirtualMemorySize"]), kilobytes(memory["MemTotal"]) + kilobytes(memory["SwapTotal"]))
        self.close_to(got["FreePhysicalMemory"], kilobytes(memory["MemAvailable"]), kilobytes(memory["MemTotal"]) / 4)
        boot = int(re.search(r"^btime (\d+)", read("/proc/stat"), re.M)[1])
        self.close_to(moment(got["LastBootUpTime"]), boot, 1)
        self.assertTrue(int(before) - 1 <= moment(got["LocalDateTime"]) <= after + 1)
        self.assertEqual(int(got["MaxNumberOfProcesses"]), int(read("/proc/sys/kernel/pid_max")))
        self.assertEqual(int(got["CurrentTimeZone"]), datetime.datetime.now().astimezone().utcoffset().total_seconds() // 60)
        self.assertEqual(got["OSType"], "36")
        self.assertIsNone(got["CSDVersion"])

    def test_computer(self):
        got = self.one("Win32_ComputerSystem")
        self.assertEqual(got["Name"], platform.node().split(".")[0])
        self.assertEqual(int(got["TotalPhysicalMemory"]), kilobytes(fields("/proc/meminfo")["MemTotal"]) * 1024)
        self.assertEqual(int(got["NumberOfLogicalProcessors"]), os.sysconf("SC_NPROCESSORS_ONLN"))
        self.assertIn(got["Model"], (read("/sys/class/dmi/id/product_name") or None, None))  # None: a filler
        if platform.machine() == "x86_64":
            self.assertEqual(got["SystemType"], "x64-based PC")
            self.assertEqual(flag(got["HypervisorPresent"]), " hypervisor " in read("/proc/cpuinfo"))

    def test_firmware(self):
        present = os.path.isdir("/sys/class/dmi/id")
        for cls in "Win32_BIOS", "Win32_ComputerSystemProduct":
            if present:
                self.assertEqual(len(self.rows(cls)), 1)
        if not present:
            self.assertEqual(self.rows("Win32_BIOS"), [])
            return
        bios, product = self.one("Win32_BIOS"), self.one("Win32_ComputerSystemProduct")
        self.assertIn(bios["SMBIOSBIOSVersion"], (read("/sys/class/dmi/id/bios_version") or None, None))
        self.assertIn(bios["Manufacturer"], (read("/sys/class/dmi/id/bios_vendor") or None, None))
        self.assertIn(product["Name"], (read("/sys/class/dmi/id/product_name") or "", ""))

    def test_processors(self):
        rows = self.rows("Win32_Processor")
        flat = {}

        def walk(items):
            for item in items:
                flat[item["field"].rstrip(":")] = item["data"]
                walk(item.get("children", []))

        walk(json.loads(run("lscpu", "-J"))["lscpu"])
        sockets = int(flat["Socket(s)"])
        self.assertEqual(len(rows), sockets)
        self.assertEqual({row["Name"] for row in rows}, {flat["Model name"]})
        self.assertEqual({row["Manufacturer"] for row in rows}, {flat["Vendor ID"]})
        self.assertEqual(sum(int(row["NumberOfCores"]) for row in rows), int(flat["Core(s) per socket"]) * sockets)
        self.assertEqual(sum(int(row["NumberOfLogicalProcessors"]) for row in rows), os.sysconf("SC_NPROCESSORS_ONLN"))
        for row in rows:
            self.assertTrue(row["LoadPercentage"] is None or 0 <= int(row["LoadPercentage"]) <= 100)

    # --- disks -----------------------------------------------------------------------------------------

    def test_logical_disks(self):
        rows = self.by("Win32_LogicalDisk", "DeviceID")
        self.assertIn("/", rows)
        table = {line.split()[-1]: line.split() for line in run("df", "-P", "-T", "-B1", "-a").splitlines()[1:]}
        for point, row in rows.items():
            if " " in point or point not in table:
                continue
            _, kind, size, _, free, _, _ = table[point]
            self.assertEqual(row["FileSystem"], kind)
            if size.isdigit() and int(size):
                self.assertEqual(int(row["Size"]), int(size))
                self.close_to(row["FreeSpace"], int(free), int(size) / 20)
            if kind == "tmpfs":
                self.assertEqual(row["DriveType"], "6")
        mounts = [line.split() for line in read("/proc/self/mounts").splitlines()]
        for device, point, *_ in mounts:  # nothing on a block device is missing, but bind mounts
            if device.startswith("/dev/") and os.path.isdir(point) and not point.startswith(("/proc", "/sys", "/dev")):
                self.assertTrue(any(os.stat(p).st_dev == os.stat(point).st_dev for p in rows), point)

    def test_drives_and_partitions(self):
        tree = json.loads(run("lsblk", "-J", "-b", "-o", "NAME,TYPE,SIZE,LOG-SEC,RM,MODEL,SERIAL,START"))["blockdevices"]
        disks = {"/dev/" + d["name"]: d for d in tree
                 if d["type"] == "disk" and d["size"] and not d["name"].startswith(("zram", "ram", "nbd", "zd"))}
        rows = self.by("Win32_DiskDrive", "DeviceID")
        self.assertEqual(set(rows), set(disks))
        for name, disk in disks.items():
            row = rows[name]
            self.assertEqual(int(row["Size"]), disk["size"])
            self.assertEqual(int(row["BytesPerSector"]), disk["log-sec"])
            self.assertEqual(row["Model"], (disk["model"] or "").strip() or None)
            if disk["serial"]:
                self.assertEqual(row["SerialNumber"], disk["serial"].strip())
            parts = [c for c in disk.get("children", []) if c["type"] == "part"]
            self.assertEqual(int(row["Partitions"]), len(parts))
        partitions = self.rows("Win32_DiskPartition")
        want = {("/dev/" + c["name"], c["size"]) for d in disks.values() for c in d.get("children", []) if c["type"] == "part"}
        self.assertEqual({(p["Description"], int(p["Size"])) for p in partitions}, want)
        pairs = self.rows("Win32_DiskDriveToDiskPartition")
        self.assertEqual(len(pairs), len(partitions))

    # --- network ---------------------------------------------------------------------------------------

    def test_adapters(self):
        links = {str(link["ifindex"]): link for link in json.loads(run("ip", "-j", "-d", "link"))}
        rows = self.by("Win32_NetworkAdapter", "DeviceID")
        self.assertEqual(set(rows), set(links))
        for index, link in links.items():
            row = rows[index]
            self.assertEqual(row["Name"], link["ifname"])
            self.assertEqual(row["InterfaceIndex"], index)
            mac = link.get("address", "")
            zero = not mac.replace(":", "").strip("0")
            self.assertEqual(row["MACAddress"], None if zero or len(mac) != 17 else mac.upper())
            self.assertEqual(flag(row["NetEnabled"]), "UP" in link["flags"])
            up = "LOWER_UP" in link["flags"]
            self.assertEqual(row["NetConnectionStatus"], "0" if "UP" not in link["flags"] else "2" if up else "7")

    def test_configurations(self):
        rows = self.by("Win32_NetworkAdapterConfiguration", "Index")
        routes = json.loads(run("ip", "-j", "route", "show", "default") or "[]")
        routes += json.loads(run("ip", "-6", "-j", "route", "show", "default") or "[]")
        for link in json.loads(run("ip", "-j", "addr")):
            row = rows.pop(str(link["ifindex"]))
            want = sorted((a["local"], str(a["prefixlen"])) for a in link["addr_info"])
            addresses, masks = several(row["IPAddress"]), several(row["IPSubnet"])
            got = sorted((a, m if ":" in a else str(sum(bin(int(b)).count("1") for b in m.split("."))))
                         for a, m in zip(addresses, masks))
            self.assertEqual(got, want)
            self.assertEqual(flag(row["IPEnabled"]), bool(want) and "UP" in link["flags"])
            self.assertEqual(int(row["MTU"]), link["mtu"])
            gateways = {r["gateway"] for r in routes if r.get("dev") == link["ifname"] and "gateway" in r}
            self.assertEqual(set(several(row["DefaultIPGateway"])), gateways)
        self.assertEqual(rows, {})

    # --- processes and services ------------------------------------------------------------------------

    def test_this_process(self):
        got = self.one("Win32_Process", Handle=str(os.getpid()))
        self.assertEqual(int(got["ProcessId"]), os.getpid())
        self.assertEqual(int(got["ParentProcessId"]), os.getppid())
        self.assertEqual(got["Name"], run("ps", "-o", "comm=", "-p", str(os.getpid())).strip())
        self.assertEqual(got["CommandLine"].split(), read("/proc/self/cmdline").replace("\0", " ").split())
        self.assertEqual(got["ExecutablePath"], os.readlink("/proc/self/exe") if self.sees_programs else None)
        started = time.mktime(time.strptime(run("ps", "-o", "lstart=", "-p", str(os.getpid())).strip(), "%a %b %d %H:%M:%S %Y"))
        self.close_to(moment(got["CreationDate"]), started, 2)
        self.assertEqual(int(got["ThreadCount"]), int(run("ps", "-o", "nlwp=", "-p", str(os.getpid()))))
        rss = int(run("ps", "-o", "rss=", "-p", str(os.getpid()))) * 1024
        self.close_to(got["WorkingSetSize"], rss, rss / 2)
        times = os.times()
        self.assertLessEqual(int(got["UserModeTime"]), times.user * 1e7 + 1e5)  # 100 ns

    def test_processes(self):
        child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
        try:
            rows = self.by("Win32_Process", "Handle")
            self.assertEqual(rows[str(child.pid)]["CommandLine"], "sleep 1000")
            self.assertEqual(int(rows[str(child.pid)]["ParentProcessId"]), os.getpid())
            listed = set(run("ps", "-e", "-o", "pid=").split())
            self.assertLessEqual({"1", str(os.getpid()), str(child.pid)}, set(rows))
            self.assertLess(len(set(rows) ^ listed), max(20, len(listed) / 4))  # others come and go
        finally:
            child.kill()
            child.wait()
        self.assertEqual(self.rows("Win32_Process", Handle=str(child.pid)), [])

    def test_services(self):
        rows = self.by("Win32_Service", "Name")
        modes = {"enabled": "Auto", "enabled-runtime": "Auto", "generated": "Auto", "disabled": "Manual", "indirect": "Manual",
                 "masked": "Disabled", "masked-runtime": "Disabled"}
        alive = os.path.isdir("/run/systemd/system")
        if not shutil.which("systemctl"):
            self.skipTest("systemctl is not installed")
        root = [] if alive else ["--root=/"]
        listed = run("systemctl", *root, "list-unit-files", "--type=service", "--no-legend", "--no-pager").splitlines()
        states = {line.split()[0]: line.split()[1] for line in listed if not re.match(r"[^ ]*@\.service", line)}
        for unit, state in states.items():
            if state == "alias":
                continue
            row = rows[unit.removesuffix(".service")]
            if state in modes:
                self.assertEqual(row["StartMode"], modes[state], unit)
            self.assertEqual(row["Status"] == "Unknown", not alive, unit)
        if not alive:
            return
        for name, row in rows.items():
            shown = dict(line.split("=", 1) for line in run(
                "systemctl", "show", name + ".service", "-p", "ActiveState,MainPID,Description,FragmentPath").splitlines())
            if shown["ActiveState"] in ("active", "inactive", "failed"):
                self.assertEqual(row["State"], "Running" if shown["ActiveState"] == "active" else "Stopped", name)
                self.assertEqual(row["ProcessId"], shown["MainPID"], name)
            self.assertEqual(row["DisplayName"], shown["Description"] or name)

    # --- accounts, clock, environment ------------------------------------------------------------------

    def test_accounts(self):
        users, groups = self.by("Win32_UserAccount", "Name"), self.by("Win32_Group", "Name")
        self.assertEqual({n: u["SID"] for n, u in users.items()}, {p.pw_name: f"S-1-22-1-{p.pw_uid}" for p in pwd.getpwall()})
        self.assertEqual({n: g["SID"] for n, g in groups.items()}, {g.gr_name: f"S-1-22-2-{g.gr_gid}" for g in grp.getgrall()})
        for p in pwd.getpwall():
            self.assertEqual(users[p.pw_name]["FullName"], p.pw_gecos.split(",")[0].strip() or None)

    def test_clock(self):
        zone = self.one("Win32_TimeZone")
        now = datetime.datetime.now().astimezone()
        offset = now.utcoffset().total_seconds() // 60 - (now.dst() or datetime.timedelta()).total_seconds() // 60
        if not time.localtime().tm_isdst:
            self.assertEqual(int(zone["Bias"]), offset)
        for cls, clock in ("Win32_LocalTime", time.localtime), ("Win32_UTCTime", time.gmtime):
            before, row, after = time.time(), self.one(cls), time.time()
            got = tuple(int(row[k]) for k in ("Year", "Month", "Day", "Hour", "Minute", "Second"))
            self.assertTrue(tuple(clock(before - 1))[:6] <= got <= tuple(clock(after + 1))[:6])
            date = datetime.date(*got[:3])
            self.assertEqual(int(row["DayOfWeek"]), date.isoweekday() % 7)
            self.assertEqual(int(row["Quarter"]), (date.month + 2) // 3)

    def test_environment(self):
        rows = self.by("Win32_Environment", "Name")
        for line in (read("/etc/environment") or "").splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.assertEqual(rows[name.strip()]["VariableValue"], value.strip().strip("\"'"))
