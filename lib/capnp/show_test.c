/* Messages shown by the schema as data: real messages of schema/, and damaged ones. */
#include "unit.h"
#include "show.h"
#include <call.h>
#include <capos/fs.h>
#include <capos/process.h>
#include <capos/timer.h>
#include <string.h>

static char shown[4096];
static size_t shown_len;

static void collect(void *self, const char *bytes, size_t len)
{
    (void)self;
    assert_true(shown_len + len < sizeof shown);
    memcpy(shown + shown_len, bytes, len);
    shown_len += len;
    shown[shown_len] = '\0';
}

static struct capnp_show plain(void)
{
    shown_len = 0;
    shown[0] = '\0';
    return (struct capnp_show){.schema = &capnp_schema_built_in, .write = collect, .show_defaults = true};
}

static uint64_t node_named(const char *name)
{
    for (size_t i = 0; i < capnp_schema_node_count; i++)
        if (strcmp(capnp_schema_nodes[i].name, name) == 0)
            return capnp_schema_nodes[i].id;
    print_error("no node %s\n", name);
    fail();
    return 0;
}

static uint64_t buffer[512];

static void scalars_have_names(void)
{
    const struct cap_timer_now_results results = {.monotonic_ns = UINT64_MAX, .tick = 7};
    struct capnp_show show = plain();
    size_t caps = 0;
    int32_t bytes = cap_timer_now_results_encode(&results, buffer, sizeof buffer, NULL, &caps);
    assert_true(bytes > 0);
    capnp_show_message(&show, node_named("Timer.nowResults"), buffer, (size_t)bytes, NULL, 0);
    assert_string_equal(shown, "monotonicNs = 18446744073709551615, tick = 7");
}

static void defaults_can_be_left_out(void)
{
    struct capnp_show show = plain();
    show.show_defaults = false;
    capnp_show_message(&show, node_named("Timer.nowResults"), NULL, 0, NULL, 0);
    assert_string_equal(shown, "");
}

static void lists_structs_unions_texts(void)
{
    struct cap_spawn_grant grants[2] = {
        {.name = capnp_text_of("a\"b\n"), .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_PARK_SPACE},
        {.name = capnp_text_of("c"), .which = CAP_SPAWN_GRANT_CAPABILITY, .capability = {3, 0}},
    };
    struct cap_process_spawner_spawn_params params = {.name = capnp_text_of("x"),
                                                      .grants = CAPNP_LIST(grants, 2)};
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];
    size_t count = 0;
    int32_t bytes = cap_process_spawner_spawn_params_encode(&params, buffer, sizeof buffer, caps, &count);
    assert_true(bytes > 0);
    struct capnp_show show = plain();
    show.show_defaults = false;
    capnp_show_message(&show, node_named("ProcessSpawner.spawnParams"), buffer, (size_t)bytes, caps, count);
    assert_non_null(strstr(shown, "name = \"x\", grants = [(name = \"a\\\"b\\n\", own = parkSpace), "
                                  "(name = \"c\", capability = cap#3)]"));
}

static void data_is_cut_and_shown_as_hex(void)
{
    static const uint8_t bytes_in[] = {0, 1, 255, 4, 5};
    const struct cap_file_write_params params = {.offset = 1, .data = capnp_data_of(bytes_in, 5)};
    size_t caps = 0;
    int32_t bytes = cap_file_write_params_encode(&params, buffer, sizeof buffer, NULL, &caps);
    assert_true(bytes > 0);
    struct capnp_show show = plain();
    show.blob_limit = 3;
    capnp_show_message(&show, node_named("File.writeParams"), buffer, (size_t)bytes, NULL, 0);
    assert_string_equal(shown, "offset = 1, data = 0x\"0001ff\"...");
}

static void damage_is_shown_and_survived(void)
{
    const struct cap_file_write_params params = {.offset = 1, .data = capnp_data_of("hello", 5)};
    size_t caps = 0;
    int32_t bytes = cap_file_write_params_encode(&params, buffer, sizeof buffer, NULL, &caps);
    uint64_t whole[8];
    assert_true(bytes > 0 && (size_t)bytes <= sizeof whole);
    memcpy(whole, buffer, (size_t)bytes);
    for (size_t bit = 0; bit < (size_t)bytes * 8; bit++) {
        uint64_t damaged[8];
        memcpy(damaged, whole, sizeof whole);
        damaged[bit / 64] ^= UINT64_C(1) << bit % 64;
        struct capnp_show show = plain();
        capnp_show_message(&show, node_named("File.writeParams"), damaged, (size_t)bytes, NULL, 0);
    }
    struct capnp_show show = plain();
    capnp_show_message(&show, 1234, whole, (size_t)bytes, NULL, 0);
    assert_string_equal(shown, "<unknown 0x00000000000004d2>");
}

static void types_have_names(void)
{
    const struct capnp_schema_node *node =
        capnp_schema_built_in.find(NULL, node_named("ProcessSpawner.spawnParams"));
    struct capnp_show show = plain();
    for (uint32_t i = 0; i < node->count; i++) {
        capnp_show_type(&show, &node->fields[i]);
        collect(NULL, " ", 1);
    }
    assert_string_equal(shown,
                        "Text Text MemoryObject List(SpawnGrant) List(Text) List(Text) Budget Bool Bool ");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(scalars_have_names),           UNIT_TEST(defaults_can_be_left_out),
        UNIT_TEST(lists_structs_unions_texts),   UNIT_TEST(data_is_cut_and_shown_as_hex),
        UNIT_TEST(damage_is_shown_and_survived), UNIT_TEST(types_have_names),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
