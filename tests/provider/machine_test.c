/*
 * tests/provider/machine_test.c - the classes on the made-up server of tests/data/machine: which
 * rows, which values, which units. What is asked of the running kernel and not of files is in
 * live_test.c.
 */
#include <stdlib.h>

#include "base/test.h"
#include "driver.h"
#include "provider/source.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    source_set_root(getenv("TEST_MACHINE"));
    arena_init(&arena, 0);
    return driver_schema() ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    driver_end();
    return 0;
}

static size_t rows_of(const struct driver_query *q, struct cim_instance ***list)
{
    struct error e = ERROR_INIT;
    size_t n = 0;
    assert_int_equal(driver_rows(&arena, q, list, &n, &e), CIMF_OK);
    return n;
}

/* The one instance of a class, or the one with that key. */
static struct cim_instance *one(const char *class_name, const char *key, const char *value)
{
    struct driver_query q = {
        .class_name = class_name, .key = { key }, .value = { value }, .keys = key != NULL
    };
    struct cim_instance **list = NULL;
    assert_int_equal(rows_of(&q, &list), 1);
    return list[0];
}

static size_t count(const char *class_name)
{
    struct driver_query q = { .class_name = class_name };
    struct cim_instance **list = NULL;
    return rows_of(&q, &list);
}

static void is(const struct cim_instance *in, const char *property, const char *want)
{
    struct slice text = driver_text(&arena, in, property);
    if (!slice_is(text, want))
        print_error("%.*s.%s is '%.*s'\n", (int)in->cls->name.n, in->cls->name.p, property,
                    (int)text.n, text.p);
    assert_true(slice_is(text, want));
}

/* The property is NULL. */
static void unset(const struct cim_instance *in, const char *property)
{
    union cim_data v;
    int at = cim_class_property(in->cls, slice_str(property));
    assert_true(at >= 0);
    assert_false(cim_get(in, (unsigned)at, &v));
}

static void test_operating_system(void **state)
{
    struct cim_instance *os = one("Win32_OperatingSystem", NULL, NULL);
    (void)state;
    is(os, "Caption", "Debian GNU/Linux 12 (bookworm)");
    is(os, "Version", "12.5.0");
    is(os, "BuildNumber", "48");
    is(os, "BuildType", "Multiprocessor Free");
    is(os, "CSName", "atlas");
    is(os, "OSType", "36");
    is(os, "ProductType", "3");
    is(os, "TotalVisibleMemorySize", "16384000"); /* kilobytes */
    is(os, "FreePhysicalMemory", "8192000");
    is(os, "TotalVirtualMemorySize", "18432000");
    is(os, "FreeVirtualMemory", "10192000");
    is(os, "SizeStoredInPagingFiles", "2048000");
    is(os, "FreeSpaceInPagingFiles", "2000000");
    is(os, "LastBootUpTime", "20231114221320.000000+000");
    is(os, "NumberOfProcesses", "5");
    is(os, "NumberOfUsers", "2");
    is(os, "MaxNumberOfProcesses", "4194304");
    is(os, "MUILanguages", "de-DE");
    is(os, "Locale", "0407");
    is(os, "OSLanguage", "1031");
    is(os, "CountryCode", "49");
    is(os, "CodeSet", "65001");
    is(os, "Description", "Atlas in rack 3");
    is(os, "SystemDrive", "/");
    is(os, "SystemDevice", "/dev/dm-0");
    is(os, "DataExecutionPrevention_Available", "TRUE");
    unset(os, "CSDVersion");
    unset(os, "WindowsDirectory");
    unset(os, "TotalSwapSpaceSize");
}

static void test_computer(void **state)
{
    struct cim_instance *cs = one("Win32_ComputerSystem", "Name", "ATLAS");
    (void)state;
    is(cs, "Name", "atlas");
    is(cs, "Domain", "example.org");
    is(cs, "PartOfDomain", "FALSE");
    is(cs, "Workgroup", "RACKS");
    is(cs, "DomainRole", "2");
    is(cs, "Manufacturer", "Contoso Inc.");
    is(cs, "Model", "Rack 2000");
    is(cs, "TotalPhysicalMemory", "16777216000"); /* bytes */
    is(cs, "NumberOfProcessors", "2");
    is(cs, "NumberOfLogicalProcessors", "4");
    is(cs, "HypervisorPresent", "TRUE");
    is(cs, "PCSystemType", "4");
    is(cs, "UserName", "atlas\\anna");
    is(cs, "OEMStringArray", "Dell-like string, second");
    is(cs, "ThermalState", "3");
    is(cs, "WakeUpType", "6");
    is(cs, "PowerOnPasswordStatus", "1");
    is(cs, "AdminPasswordStatus", "0");
    is(cs, "BootupState", "Normal boot");
    unset(cs, "PrimaryOwnerName");
    struct driver_query q = {
        .class_name = "Win32_ComputerSystem", .key = { "Name" }, .value = { "other" }, .keys = 1
    };
    struct cim_instance **list;
    assert_int_equal(rows_of(&q, &list), 0);
}

static void test_firmware(void **state)
{
    struct cim_instance *bios = one("Win32_BIOS", NULL, NULL);
    struct cim_instance *product = one("Win32_ComputerSystemProduct", NULL, NULL);
    (void)state;
    is(bios, "SMBIOSBIOSVersion", "2.10.1");
    is(bios, "BIOSVersion", "2.10.1");
    is(bios, "Manufacturer", "Firm Ltd.");
    is(bios, "SerialNumber", "SN-4711");
    is(bios, "ReleaseDate", "20230401000000.000000+000");
    is(bios, "SMBIOSMajorVersion", "3");
    is(bios, "SMBIOSMinorVersion", "2");
    is(bios, "SystemBiosMajorVersion", "2");
    is(bios, "SystemBiosMinorVersion", "10");
    is(bios, "EmbeddedControllerMinorVersion", "7");
    is(bios, "BiosCharacteristics", "7, 11, 15, 32");
    is(bios, "SoftwareElementState", "3");
    is(product, "UUID", "4C4C4544-0042-3510-8052-B4C04F564231");
    is(product, "IdentifyingNumber", "SN-4711");
    is(product, "Name", "Rack 2000");
    is(product, "Version", "A1");
    is(product, "Vendor", "Contoso Inc.");
}

static void test_processor(void **state)
{
    static const char *const wanted[] = { "Name",
                                          "MaxClockSpeed",
                                          "CurrentClockSpeed",
                                          "NumberOfCores",
                                          "NumberOfLogicalProcessors",
                                          "L2CacheSize",
                                          "L3CacheSize",
                                          "SocketDesignation",
                                          "SerialNumber",
                                          "Family",
                                          "CurrentVoltage",
                                          "Level",
                                          "Stepping",
                                          "Description",
                                          "VMMonitorModeExtensions",
                                          "ExtClock",
                                          "Manufacturer",
                                          "LoadPercentage",
                                          NULL };
    struct driver_query q = { .class_name = "Win32_Processor", .wanted = wanted };
    struct cim_instance **list;
    (void)state;
    assert_int_equal(rows_of(&q, &list), 2);
    is(list[0], "DeviceID", "CPU0");
    is(list[0], "Name", "Intel(R) Xeon(R) Gold 6126 CPU @ 2.60GHz");
    is(list[0], "Manufacturer", "GenuineIntel");
    is(list[0], "MaxClockSpeed", "3700"); /* MHz */
    is(list[0], "CurrentClockSpeed", "2400");
    is(list[0], "NumberOfCores", "2");
    is(list[0], "NumberOfLogicalProcessors", "2");
    is(list[0], "L2CacheSize", "2048"); /* kilobytes, of all its cores */
    is(list[0], "L3CacheSize", "19712");
    is(list[0], "SocketDesignation", "CPU1");
    is(list[0], "SerialNumber", "CPUSERIAL");
    is(list[0], "Family", "179");
    is(list[0], "CurrentVoltage", "18"); /* tenths of a volt */
    is(list[0], "ExtClock", "100");
    is(list[0], "Level", "6");
    is(list[0], "VMMonitorModeExtensions", "TRUE");
    is(list[1], "DeviceID", "CPU1");
    is(list[1], "SocketDesignation", "CPU2");
    is(list[1], "MaxClockSpeed", "2600"); /* from the name: this one has no cpufreq */
    unset(list[1], "SerialNumber");
    unset(list[0], "LoadPercentage"); /* the fixture's clock stands still */
}

static void test_memory(void **state)
{
    struct driver_query q = { .class_name = "Win32_PhysicalMemory" };
    struct cim_instance **list;
    (void)state;
    assert_int_equal(rows_of(&q, &list), 2); /* the empty socket is none */
    is(list[0], "Tag", "Physical Memory 0");
    is(list[0], "Capacity", "17179869184"); /* bytes */
    is(list[0], "Speed", "2933");
    is(list[0], "ConfiguredClockSpeed", "2666");
    is(list[0], "SMBIOSMemoryType", "26");
    is(list[0], "MemoryType", "0");
    is(list[0], "FormFactor", "8");
    is(list[0], "DeviceLocator", "A1");
    is(list[0], "BankLabel", "BANK 0");
    is(list[0], "PartNumber", "PN-16G");
    is(list[0], "SerialNumber", "00112233");
    is(list[0], "DataWidth", "64");
    is(list[0], "TotalWidth", "72");
    is(list[1], "Tag", "Physical Memory 2");
    is(list[1], "Capacity", "68719476736");
    is(list[1], "MemoryType", "24");
    is(list[1], "FormFactor", "12");
    unset(list[1], "Manufacturer"); /* a filler of the maker */
}

static void test_logical_disks(void **state)
{
    (void)state;
    assert_int_equal(count("Win32_LogicalDisk"), 9);
    struct cim_instance *root = one("Win32_LogicalDisk", "DeviceID", "/");
    is(root, "DriveType", "3");
    is(root, "FileSystem", "ext4");
    is(root, "VolumeName", "my root");
    is(root, "Access", "3");
    unset(root, "ProviderName");
    unset(root, "VolumeSerialNumber");
    assert_true(driver_text(&arena, root, "Size").n > 0);
    struct cim_instance *stick = one("Win32_LogicalDisk", "DeviceID", "/media/my stick");
    is(stick, "DriveType", "2");
    is(stick, "VolumeName", "STICK");
    is(stick, "VolumeSerialNumber", "ABCD-1234");
    is(stick, "Access", "1");
    struct cim_instance *share = one("Win32_LogicalDisk", "DeviceID", "/srv/share");
    is(share, "DriveType", "4");
    is(share, "ProviderName", "files.example.org:/export");
    is(one("Win32_LogicalDisk", "DeviceID", "/run"), "DriveType", "6");
    static const char *const absent[] = { "/proc",      "/dev",  "/srv/bind",
                                          "/etc/hosts", "/data", "/sys/fs/bpf" };
    struct cim_instance **list;
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        struct driver_query q = { .class_name = "Win32_LogicalDisk",
                                  .key = { "DeviceID" },
                                  .value = { absent[i] },
                                  .keys = 1 };
        assert_int_equal(rows_of(&q, &list), 0);
    }
}

static void test_drives(void **state)
{
    struct driver_query q = { .class_name = "Win32_DiskDrive" };
    struct cim_instance **list;
    (void)state;
    assert_int_equal(rows_of(&q, &list), 3);
    is(list[0], "DeviceID", "/dev/sda");
    is(list[0], "Index", "0");
    is(list[0], "Size", "512110190592"); /* bytes */
    is(list[0], "BytesPerSector", "512");
    is(list[0], "Model", "SSD Model 850");
    is(list[0], "SerialNumber", "S21PNXAG1234567");
    is(list[0], "FirmwareRevision", "2B6Q");
    is(list[0], "InterfaceType", "IDE");
    is(list[0], "MediaType", "Fixed hard disk media");
    is(list[0], "Partitions", "2");
    is(list[0], "SCSIPort", "2");
    is(list[0], "SCSILogicalUnit", "0");
    unset(list[0], "Manufacturer");
    is(list[1], "DeviceID", "/dev/sdb");
    is(list[1], "InterfaceType", "USB");
    is(list[1], "MediaType", "Removable Media");
    is(list[1], "Manufacturer", "Brand");
    is(list[2], "DeviceID", "/dev/nvme0n1");
    is(list[2], "SerialNumber", "NV-778899");
    is(list[2], "FirmwareRevision", "1.0.3");
    is(list[2], "InterfaceType", "SCSI");
    is(list[2], "TotalSectors", "250051158"); /* of 4096 bytes */
}

static void test_partitions(void **state)
{
    struct driver_query q = { .class_name = "Win32_DiskPartition" };
    struct cim_instance **list;
    (void)state;
    assert_int_equal(rows_of(&q, &list), 5);
    is(list[0], "DeviceID", "Disk #0, Partition #0");
    is(list[0], "StartingOffset", "1048576"); /* bytes */
    is(list[0], "Size", "536870912");
    is(list[0], "Type", "GPT: System");
    is(list[0], "Bootable", "TRUE");
    is(list[1], "Type", "GPT: Logical Volume Manager");
    is(list[2], "DeviceID", "Disk #1, Partition #0");
    is(list[2], "Type", "FAT32 Extended");
    is(list[2], "Bootable", "TRUE");
    is(list[3], "DeviceID", "Disk #2, Partition #0"); /* by place, not by number */
    is(list[3], "Description", "/dev/nvme0n1p2");
    is(list[3], "BlockSize", "4096");
    is(list[3], "NumberOfBlocks", "512");
    unset(list[3], "Type");
    struct cim_instance *p = one("Win32_DiskPartition", "DeviceID", "Disk #0, Partition #1");
    is(p, "Index", "1");
    is(p, "DiskIndex", "0");
}

static void test_associations(void **state)
{
    struct driver_query q = {
        .class_name = "Win32_DiskDriveToDiskPartition",
        .key = { "Antecedent" },
        .value = { "\\\\atlas\\root\\cimv2:Win32_DiskDrive.DeviceID=\"/dev/sda\"" },
        .keys = 1
    };
    struct cim_instance **list;
    (void)state;
    assert_int_equal(rows_of(&q, &list), 2);
    is(list[1], "Antecedent", "\\\\atlas\\root\\cimv2:Win32_DiskDrive.DeviceID=\"/dev/sda\"");
    is(list[1], "Dependent",
       "\\\\atlas\\root\\cimv2:Win32_DiskPartition.DeviceID=\"Disk #0, Partition #1\"");
    assert_int_equal(count("Win32_DiskDriveToDiskPartition"), 5);
    /* "/" is on a volume of device mapper whose partition is sda2 */
    struct driver_query root = { .class_name = "Win32_LogicalDiskToPartition",
                                 .key = { "Dependent" },
                                 .value = { "Win32_LogicalDisk.DeviceID=\"/\"" },
                                 .keys = 1 };
    assert_int_equal(rows_of(&root, &list), 1);
    is(list[0], "Antecedent",
       "\\\\atlas\\root\\cimv2:Win32_DiskPartition.DeviceID=\"Disk #0, Partition #1\"");
    unset(list[0], "EndingAddress");
    struct driver_query efi = root;
    efi.value[0] = "Win32_LogicalDisk.DeviceID=\"/boot/efi\"";
    assert_int_equal(rows_of(&efi, &list), 1);
    is(list[0], "StartingAddress", "0");
    is(list[0], "EndingAddress", "536870911");
}

static void test_processes(void **state)
{
    (void)state;
    assert_int_equal(count("Win32_Process"), 5);
    struct cim_instance *p = one("Win32_Process", "Handle", "1");
    is(p, "Name", "systemd");
    is(p, "CommandLine", "/sbin/init splash");
    is(p, "ExecutablePath", "/usr/lib/systemd/systemd");
    is(p, "KernelModeTime", "70000000"); /* 100 ns: 700 ticks */
    is(p, "UserModeTime", "30000000");
    is(p, "CreationDate", "20231114221321.500000+000");
    is(p, "WorkingSetSize", "12288000"); /* bytes */
    is(p, "VirtualSize", "170000000");
    is(p, "PeakVirtualSize", "204800000");
    is(p, "PeakWorkingSetSize", "13000"); /* kilobytes */
    is(p, "PageFileUsage", "100");        /* kilobytes */
    is(p, "PrivatePageCount", "4198400"); /* bytes */
    is(p, "PageFaults", "1050");
    is(p, "ReadTransferCount", "1000");
    is(p, "WriteOperationCount", "40");
    is(p, "HandleCount", "5");
    is(p, "SessionId", "0");
    is(p, "Priority", "8");
    is(p, "OSName", "Debian GNU/Linux 12 (bookworm)");
    p = one("Win32_Process", "Handle", "812");
    is(p, "Name", "odd) (na me");
    is(p, "CommandLine", "/opt/odd --flag two words");
    is(p, "ThreadCount", "3");
    is(p, "Priority", "6");
    is(p, "SessionId", "7");
    unset(p, "ReadTransferCount");
    unset(p, "ExecutablePath");
    p = one("Win32_Process", "Handle", "900");
    is(p, "Priority", "13");
    unset(p, "CommandLine");
    static const char *const absent[] = { "951", "2", "01", "../1", "", "99999999999999999999" };
    struct cim_instance **list;
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        struct driver_query q = {
            .class_name = "Win32_Process", .key = { "Handle" }, .value = { absent[i] }, .keys = 1
        };
        assert_int_equal(rows_of(&q, &list), 0); /* 951 is a thread */
    }
}

static void test_services(void **state)
{
    (void)state;
    assert_int_equal(count("Win32_Service"), 5); /* no template, no alias */
    struct cim_instance *s = one("Win32_Service", "Name", "WEB");
    is(s, "Name", "web");
    is(s, "DisplayName", "Web server");
    is(s, "State", "Running");
    is(s, "Started", "TRUE");
    is(s, "ProcessId", "950");
    is(s, "StartMode", "Auto");
    is(s, "PathName", "/usr/sbin/webd -D");
    is(s, "StartName", "www");
    is(s, "Status", "Unknown"); /* nobody manages services here */
    is(s, "Description", "Web server (from unit files: systemd does not run here)");
    s = one("Win32_Service", "Name", "db");
    is(s, "State", "Stopped");
    is(s, "StartMode", "Manual");
    is(s, "ProcessId", "0");
    is(s, "StartName", "LocalSystem");
    is(one("Win32_Service", "Name", "early"), "StartMode", "Auto");
    is(one("Win32_Service", "Name", "plain"), "StartMode", "Manual");
    is(one("Win32_Service", "Name", "bad"), "StartMode", "Disabled");
}

static void test_zone_and_environment(void **state)
{
    struct cim_instance *z = one("Win32_TimeZone", NULL, NULL);
    (void)state;
    is(z, "StandardName", "CET");
    is(z, "DaylightName", "CEST");
    is(z, "Caption", "(UTC+01:00) Europe/Berlin");
    is(z, "Bias", "60");
    is(z, "DaylightBias", "-60");
    is(z, "DaylightMonth", "3");
    is(z, "DaylightDay", "5");
    is(z, "DaylightDayOfWeek", "0");
    is(z, "DaylightHour", "2");
    is(z, "StandardMonth", "10");
    is(z, "StandardHour", "3");
    assert_int_equal(count("Win32_Environment"), 4);
    is(one("Win32_Environment", "Name", "path"), "VariableValue", "/usr/local/bin:/usr/bin");
    is(one("Win32_Environment", "Name", "EDITOR"), "VariableValue", "vi");
    is(one("Win32_Environment", "Name", "STAGE"), "VariableValue", "prod");
    is(one("Win32_Environment", "Name", "EMPTY"), "VariableValue", "");
}

/* A machine without any of it: an empty root answers without rows or with NULL, never with a
 * failure. */
static void test_empty_machine(void **state)
{
    static const char *const none[] = { "Win32_BIOS",
                                        "Win32_ComputerSystemProduct",
                                        "Win32_Processor",
                                        "Win32_PhysicalMemory",
                                        "Win32_DiskDrive",
                                        "Win32_DiskPartition",
                                        "Win32_LogicalDiskToPartition",
                                        "Win32_Service",
                                        "Win32_Environment" };
    (void)state;
    source_set_root("/nowhere/at/all");
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) assert_int_equal(count(none[i]), 0);
    struct cim_instance *os = one("Win32_OperatingSystem", NULL, NULL);
    is(os, "Caption", "Linux");
    unset(os, "TotalVisibleMemorySize");
    unset(os, "LastBootUpTime");
    unset(os, "NumberOfUsers");
    struct cim_instance *cs = one("Win32_ComputerSystem", NULL, NULL);
    is(cs, "Name", "localhost");
    unset(cs, "Model");
    is(one("Win32_TimeZone", NULL, NULL), "StandardName", "UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_operating_system, setup, teardown),
        cmocka_unit_test_setup_teardown(test_computer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_firmware, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logical_disks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partitions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_associations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zone_and_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_machine, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
