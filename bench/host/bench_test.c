/* The arithmetic behind the table: medians, figures and their files, goals, traces cut at marks. */
#include "unit.h"
#include "figures.h"
#include "measure.h"
#include "scale.h"
#include "table.h"
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/bench_test.XXXXXX";

static void setup(void)
{
    memcpy(strrchr(path, '.') + 1, "XXXXXX", strlen("XXXXXX"));
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

static void teardown(void)
{
    remove(path);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void read_text(char *out, size_t size_bytes)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    out[fread(out, 1, size_bytes - 1, file)] = 0;
    fclose(file);
}

static void median_of_five(void)
{
    uint64_t values[] = {9, 1, 7, 3, 5}, same[] = {4, 4, 4}, one[] = {8};
    assert_int_equal(measure_median(values, 5), 5);
    assert_int_equal(measure_median(same, 3), 4);
    assert_int_equal(measure_median(one, 1), 8);
}

/* A guest in which every sample enters once, and every operation three times, with one CR3 write in two. */
static struct measure_counters counted;
static uint32_t begun, ended;

static void fake_sample(struct measure_counters *out)
{
    counted.kernel_entries++;
    *out = counted;
}

static void fake_begin(void *context, uint32_t count)
{
    begun++;
    counted.kernel_entries += 1000; /* not measured */
    (void)context;
    (void)count;
}

static void fake_run(void *context, uint32_t count)
{
    counted.kernel_entries += 3u * count;
    counted.cr3_writes += count / 2;
    (void)context;
}

static void fake_end(void *context, uint32_t count)
{
    ended++;
    counted.cr3_writes += 1000;
    (void)context;
    (void)count;
}

static void counters_are_per_operation(void)
{
    const struct measure_task task = {
        .key = "x", .count = 10, .begin = fake_begin, .run = fake_run, .end = fake_end};
    struct measure_result result;
    begun = ended = 0;
    measure(&task, fake_sample, &result);
    assert_int_equal(result.kernel_entries_hundredths, 300);
    assert_int_equal(result.cr3_writes_hundredths, 50);
    assert_int_equal(begun, MEASURE_PASSES + 1);
    assert_int_equal(ended, MEASURE_PASSES + 1);
    measure(&task, NULL, &result);
    assert_int_equal(result.kernel_entries_hundredths, 0);
}

static void guest_lines_become_figures(void)
{
    static struct figures figures;
    figures.count = 0;
    figures_parse(&figures,
                  "boot text\r\nbench a 12 1.00 0.50\r\nbench b 7\nxbench c 9\nbench d\nbench a 13 2.00 -\n",
                  "bench ");
    assert_int_equal(figures.count, 2);
    const struct figure *a = figures_find(&figures, "a");
    assert_non_null(a);
    assert_string_equal(a->value, "13"); /* the later one */
    assert_string_equal(a->kernel_entries, "2.00");
    assert_string_equal(figures_find(&figures, "b")->cr3_writes, "-");
    assert_null(figures_find(&figures, "d"));
    figures_set_number(&figures, "b", 2.345, 2);
    assert_true(strcmp(figures_find(&figures, "b")->value, "2.35") == 0 ||
                strcmp(figures_find(&figures, "b")->value, "2.34") == 0);
}

static void comments_in_files_are_skipped(void)
{
    static struct figures figures;
    figures.count = 0;
    write_text("# key 1\n\na\t5\nlonely\nb\t6\t-\t-\n");
    assert_true(figures_read(&figures, path));
    assert_int_equal(figures.count, 2);
    assert_string_equal(figures_find(&figures, "a")->value, "5");
    assert_false(figures_read(&figures, "/nonexistent/figures"));
}

static void table_has_five_columns_in_its_order(void)
{
    static struct rows rows;
    static struct figures ours, others;
    char text[512];
    ours.count = others.count = 0;
    write_text(
        "# comment\nsecond\t10\tinsn\twhat it is\nfirst\t20\tms\tthe other\twall\nabsent\t1\tB\tnot there\n"
        "free\t-\tpct\twithout a goal\n");
    assert_true(rows_read(&rows, path));
    assert_int_equal(rows.count, 4);
    figures_parse(&ours, "bench extra 1\nbench free 1e9\nbench first 21\nbench second 10 1.00 0.00\n",
                  "bench ");
    figures_parse(&others, "wall 99\nsecond 300\n", "");
    assert_int_equal(table_print(&rows, &ours, &others, "a test"),
                     1); /* 21 is above 20, 10 is not above 10 */
    assert_true(table_write(&rows, &ours, &others, path));
    read_text(text, sizeof(text));
    assert_string_equal(
        text, "second\t10\t1.00\t0.00\t300\nfirst\t21\t-\t-\t99\nfree\t1e9\t-\t-\t-\nextra\t1\t-\t-\t-\n");
}

/* Two runs of each: the faster of each counts, and half the time for twice the work is all there is to gain.
 */
static void scaling_is_of_the_fastest(void)
{
    static struct figures one, two, again, out;
    one.count = two.count = again.count = out.count = 0;
    figures_parse(&one, "bench scale_spawn_ns 100\nbench scale_rpc_0_ns 50.50\n", "bench ");
    figures_parse(&again, "bench scale_spawn_ns 80\nbench scale_rpc_0_ns 60\n", "bench ");
    scale_keep_fastest(&one, &again);
    assert_string_equal(figures_find(&one, "scale_spawn_ns")->value, "80");
    assert_string_equal(figures_find(&one, "scale_rpc_0_ns")->value, "50.50");
    figures_parse(&two, "bench scale_spawn_ns 160\nbench scale_rpc_0_ns 50.50\n", "bench ");
    scale_figures(&one, &two, &out);
    assert_string_equal(figures_find(&out, "scale_spawn")->value, "100");
    assert_string_equal(figures_find(&out, "scale_rpc_0")->value, "200");
    assert_string_equal(figures_find(&out, "scale_rpc_0_ns_1")->value, "50.50");
    assert_string_equal(figures_find(&out, "scale_spawn_ns_2")->value, "160");
}

static void malformed_goals_are_refused(void)
{
    static struct rows rows;
    write_text("row\tten\tinsn\twhat\n");
    assert_false(rows_read(&rows, path));
    write_text("row\t10\tinsn\n");
    assert_false(rows_read(&rows, path));
}

static void traces_are_cut_at_marks(void)
{
    struct trace trace = {0};
    write_text("Trace 0: 0x7f00 [0000000000000000/0000000000000010/00c0c0b3/ff020001] begin\n"
               "Trace 0: 0x7f00 [0000000000000000/ffffffff80000001/00c0c0b3/ff020001] kernel\n"
               "Trace 0: 0x7f00 [0000000000000000/ffffffff80000002/00c0c0b3/ff020001] kernel\n"
               "Stopped execution of TB chain before 0x7f00 [ffffffff80000002] kernel\n"
               "Trace 0: 0x7f00 [0000000000000000/ffffffff80000002/00c0c0b3/ff020001] kernel\n"
               "Trace 0: 0x7f00 [0000000000000000/0000000000000020/00c0c0b3/ff020001] end\n"
               "Trace 0: 0x7f00 [0000000000000000/0000000000000020/00c0c0b3/ff020001] end\n"
               "Trace 0: 0x7f00 [0000000000000000/0000000000000010/00c0c0b3/ff020001] begin\n"
               "Trace 0: 0x7f00 [0000000000000000/0000000000000011/00c0c0b3/ff020001] program\n"
               "Trace 0: 0x7f00 [0000000000000000/0000000000000020/00c0c0b3/ff020001] end\n"
               "Trace 0: 0x7f00 [0000000000000000/0000000000000010/00c0c0b3/ff020001] begin, cut off\n");
    assert_true(trace_read(&trace, path));
    trace_cut(&trace, 0x10, 0x20);
    assert_int_equal(trace.stretch_count, 2);
    assert_int_equal(trace.stretches[0].count, 1); /* by length */
    assert_int_equal(trace.addresses[trace.stretches[0].start], 0x11);
    assert_int_equal(trace.stretches[1].count, 2);
    assert_int_equal(trace.addresses[trace.stretches[1].start + 1], UINT64_C(0xffffffff80000002));
    free(trace.addresses);
    free(trace.stretches);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(median_of_five),
        UNIT_TEST(counters_are_per_operation),
        UNIT_TEST(guest_lines_become_figures),
        UNIT_TEST(comments_in_files_are_skipped),
        UNIT_TEST(table_has_five_columns_in_its_order),
        UNIT_TEST(scaling_is_of_the_fastest),
        UNIT_TEST(malformed_goals_are_refused),
        UNIT_TEST(traces_are_cut_at_marks),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
