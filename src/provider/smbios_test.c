#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "provider/dmi.h"
#include "provider/smbios.h"
#include "provider/source.h"

#define BYTES(...)                                                                                 \
    ((struct slice){ (const char[]){ __VA_ARGS__ }, sizeof((const char[]){ __VA_ARGS__ }) })

static const char table[] = "\x01\x08\x01\x00\x01\x02\x03\x7f"
                            "Maker\0  Model \0None\0\0"
                            "\x11\x06\x02\x00\x34\x12\0\0"
                            "\x7f\x04\x03\x00\0\0";

static struct slice whole(void)
{
    return slice_of(table, sizeof table - 1);
}

static void test_entries(void **state)
{
    struct slice rest = whole();
    struct smbios_entry e;
    uint64_t v;
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_true(smbios_next(&rest, &e));
    assert_int_equal(e.type, 1);
    assert_int_equal(e.handle, 1);
    assert_slice(smbios_string(&a, &e, 4), "Maker");
    assert_slice(smbios_string(&a, &e, 5), "Model");
    assert_slice(smbios_string(&a, &e, 6), ""); /* a filler */
    assert_slice(smbios_string(&a, &e, 7), ""); /* no string 127 */
    assert_slice(smbios_string(&a, &e, 8), ""); /* past the body */
    assert_true(smbios_next(&rest, &e));
    assert_int_equal(e.type, 17);
    assert_true(smbios_number(&e, 4, 2, &v) && v == 0x1234);
    assert_false(smbios_number(&e, 4, 4, &v));
    assert_false(smbios_number(&e, SIZE_MAX, 2, &v));
    assert_true(smbios_next(&rest, &e));
    assert_int_equal(e.type, 127);
    assert_false(smbios_next(&rest, &e));
    rest = whole();
    assert_true(smbios_find(&rest, 17, &e));
    assert_false(smbios_find(&rest, 17, &e));
    arena_free(&a);
}

/* Every truncation ends without a read past the end (the sanitizer watches). */
static void test_truncations(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof table - 1; n++) {
        struct slice rest = slice_head(whole(), n);
        struct smbios_entry e;
        unsigned entries = 0;
        while (smbios_next(&rest, &e)) entries++;
        assert_true(entries <= 2);
    }
    struct slice bad = BYTES(1, 3, 0, 0, 0, 0);
    struct smbios_entry e;
    assert_false(smbios_next(&bad, &e)); /* shorter than its own head */
}

static void test_versions(void **state)
{
    unsigned major, minor;
    (void)state;
    assert_true(smbios_version(SLICE("_SM3_xx\x03\x02"), &major, &minor));
    assert_int_equal(major, 3);
    assert_int_equal(minor, 2);
    assert_true(smbios_version(SLICE("_SM_xx\x02\x08"), &major, &minor));
    assert_int_equal(major, 2);
    assert_false(smbios_version(SLICE("_SM_xx\x02"), &major, &minor));
    assert_false(smbios_version(SLICE("_DMI_xxxxx"), &major, &minor));
}

/* A serial number is still known when its file can no longer be opened. */
static void test_kept(void **state)
{
    char folder[] = "/tmp/cimfony-dmi-XXXXXX", path[128], command[160];
    struct arena a;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "chmod 755 %s && mkdir -p %s/sys/class/dmi/id", folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/sys/class/dmi/id/product_serial", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("SER-42\n", f);
    fclose(f);
    source_set_root(folder);
    dmi_keep();
    assert_int_equal(chmod(path, 0), 0);
    bool root = geteuid() == 0;
    if (root) assert_int_equal(seteuid(65534), 0);
    arena_init(&a, 0);
    int fd = open(path, O_RDONLY);
    assert_int_equal(fd, -1);
    struct slice serial = dmi_text(&a, "product_serial"), uuid = dmi_text(&a, "product_uuid");
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(serial.n, 6);
    assert_memory_equal(serial.p, "SER-42", 6);
    assert_int_equal(uuid.n, 0);
    arena_free(&a);
    source_set_root("");
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
