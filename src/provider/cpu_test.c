#include "base/test.h"
#include "provider/cpu.h"
#include "provider/processor.h"
#include "provider/service.h"

static bool collect(unsigned cpu, void *arg)
{
    uint64_t *bits = arg;
    *bits |= 1ull << cpu;
    return true;
}

static void test_lists(void **state)
{
    uint64_t bits = 0;
    (void)state;
    assert_true(cpu_list(SLICE("0-3,8,10-11\n"), collect, &bits));
    assert_int_equal(bits, 0xd0f);
    assert_false(cpu_list(SLICE("3-1"), collect, &bits));
    assert_false(cpu_list(SLICE("0-99999"), collect, &bits));
    assert_false(cpu_list(SLICE("a"), collect, &bits));
    assert_true(cpu_list(SLICE(""), collect, &bits));
}

static void test_blocks(void **state)
{
    struct slice info =
        SLICE("processor\t: 0\nmodel\t: a\n\nprocessor\t: 1\nmodel\t: b\nflags : x y\n");
    (void)state;
    assert_slice(cpu_block(info, 1), "processor\t: 1\nmodel\t: b\nflags : x y\n");
    assert_slice(cpu_block(info, 0), "processor\t: 0\nmodel\t: a\n\n");
    assert_slice(cpu_block(info, 2), "");
    assert_true(cpu_flag(info, "y"));
    assert_false(cpu_flag(info, "z"));
}

static void test_ticks_and_names(void **state)
{
    uint64_t busy, total, mhz;
    (void)state;
    assert_true(processor_ticks(SLICE("cpu  9 9\ncpu1 10 1 5 80 4 0 0 0 7 7\n"), 1, &busy, &total));
    assert_int_equal(total, 100);
    assert_int_equal(busy, 16);
    assert_false(processor_ticks(SLICE("cpu11 1 2\n"), 1, &busy, &total));
    assert_true(processor_name_mhz(SLICE("X CPU @ 2.60GHz"), &mhz));
    assert_int_equal(mhz, 2600);
    assert_true(processor_name_mhz(SLICE("X @ 3GHz"), &mhz));
    assert_int_equal(mhz, 3000);
    assert_false(processor_name_mhz(SLICE("AMD EPYC"), &mhz));
    assert_false(processor_name_mhz(SLICE("@GHz"), &mhz));
}

/* Words of systemd against those of Windows (cim-core 3.5). */
static void test_service_words(void **state)
{
    (void)state;
    assert_string_equal(service_state(SLICE("active")), "Running");
    assert_string_equal(service_state(SLICE("activating")), "Start Pending");
    assert_string_equal(service_state(SLICE("deactivating")), "Stop Pending");
    assert_string_equal(service_state(SLICE("failed")), "Stopped");
    assert_string_equal(service_state(SLICE("inactive")), "Stopped");
    assert_string_equal(service_start_mode(SLICE("enabled"), false), "Auto");
    assert_string_equal(service_start_mode(SLICE("enabled-runtime"), false), "Auto");
    assert_string_equal(service_start_mode(SLICE("generated"), false), "Auto");
    assert_string_equal(service_start_mode(SLICE("static"), true), "Auto");
    assert_string_equal(service_start_mode(SLICE("static"), false), "Manual");
    assert_string_equal(service_start_mode(SLICE("disabled"), true), "Manual");
    assert_string_equal(service_start_mode(SLICE("indirect"), false), "Manual");
    assert_string_equal(service_start_mode(SLICE("masked"), false), "Disabled");
    assert_null(service_start_mode(SLICE(""), false));
    assert_slice(service_short_name(SLICE("ssh.service")), "ssh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_ticks_and_names),
        cmocka_unit_test(test_service_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
