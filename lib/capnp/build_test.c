/* Values of every kind into messages of schema/, and every refusal. */
#include "unit.h"
#include "build.h"
#include <call.h>
#include <capos/fs.h>
#include <capos/process.h>
#include <capos/timer.h>
#include <string.h>

static uint64_t buffer[512];
static struct cap_transfer caps[4];
static size_t cap_count;
static struct capnp_build build = {.schema = &capnp_schema_built_in};

static uint64_t node_named(const char *name)
{
    for (size_t i = 0; i < capnp_schema_node_count; i++)
        if (strcmp(capnp_schema_nodes[i].name, name) == 0)
            return capnp_schema_nodes[i].id;
    print_error("no node %s\n", name);
    fail();
    return 0;
}

static int32_t make(const char *node, const struct capnp_value *members)
{
    return capnp_build_message(&build, node_named(node), members, buffer, sizeof buffer, caps, 4, &cap_count);
}

static struct capnp_value structure(struct capnp_value *first)
{
    return (struct capnp_value){.kind = CAPNP_VALUE_STRUCT, .first = first};
}

static struct capnp_value number(const char *name, uint64_t magnitude)
{
    return (struct capnp_value){
        .kind = CAPNP_VALUE_INTEGER, .magnitude = magnitude, .name = capnp_text_of(name)};
}

static struct capnp_value text(const char *name, const char *content)
{
    return (struct capnp_value){
        .kind = CAPNP_VALUE_TEXT, .bytes = capnp_text_of(content), .name = capnp_text_of(name)};
}

static void scalars_and_positions(void)
{
    struct capnp_message message;
    struct cap_file_read_params params;
    struct capnp_value count = number("maxBytes", 7), offset = number("", UINT64_MAX);
    offset.next = &count;
    struct capnp_value members = structure(&offset);
    int32_t bytes = make("File.readParams", &members);
    assert_true(bytes > 0);
    assert_true(cap_file_read_params_decode(&message, buffer, (size_t)bytes, NULL, 0, &params) >= 0);
    assert_true(params.offset == UINT64_MAX && params.max_bytes == 7);
}

static void blobs_structs_and_flags(void)
{
    struct capnp_message message;
    struct cap_directory_open_params params;
    struct capnp_value create = {.kind = CAPNP_VALUE_BOOL, .magnitude = 1, .name = capnp_text_of("create")};
    struct capnp_value name = text("name", "a.txt"), flags = structure(&create);
    flags.name = capnp_text_of("flags");
    name.next = &flags;
    struct capnp_value members = structure(&name);
    int32_t bytes = make("Directory.openParams", &members);
    assert_true(bytes > 0);
    assert_true(cap_directory_open_params_decode(&message, buffer, (size_t)bytes, NULL, 0, &params) >= 0);
    assert_true(params.name.len == 5 && memcmp(params.name.bytes, "a.txt", 5) == 0);
    assert_true(params.has_flags && params.flags.create && !params.flags.exclusive);
}

static void flags_as_a_list(void)
{
    struct capnp_message message;
    struct cap_directory_open_params params;
    struct capnp_value create = {.kind = CAPNP_VALUE_WORD, .bytes = capnp_text_of("create")};
    struct capnp_value read_only = {.kind = CAPNP_VALUE_WORD, .bytes = capnp_text_of("readOnly")};
    struct capnp_value flags = {.kind = CAPNP_VALUE_LIST, .first = &create, .name = capnp_text_of("flags")};
    create.next = &read_only;
    struct capnp_value members = structure(&flags);
    int32_t bytes = make("Directory.openParams", &members);
    assert_true(bytes > 0);
    assert_true(cap_directory_open_params_decode(&message, buffer, (size_t)bytes, NULL, 0, &params) >= 0);
    assert_true(params.flags.create && params.flags.read_only && !params.flags.truncate);
    read_only.bytes = capnp_text_of("writeOnly");
    assert_true(make("Directory.openParams", &members) < 0 && build.wrong == &read_only);
    assert_string_equal(build.error, "no flag writeOnly; there are create, exclusive, truncate, readOnly");
}

static void lists_unions_and_capabilities(void)
{
    struct capnp_message message;
    struct cap_process_spawner_spawn_params params;
    struct cap_spawn_grant grant;
    struct capnp_text argument;
    struct capnp_value cap = {.kind = CAPNP_VALUE_CAP,
                              .cap = {9, 0},
                              .interface_id = CAP_TIMER_INTERFACE_ID,
                              .name = capnp_text_of("capability")};
    struct capnp_value grant_name = text("name", "clock");
    grant_name.next = &cap;
    struct capnp_value one = structure(&grant_name);
    struct capnp_value grants = {.kind = CAPNP_VALUE_LIST, .first = &one, .name = capnp_text_of("grants")};
    struct capnp_value a = text("", "a"), b = text("", "bc");
    a.next = &b;
    struct capnp_value args = {.kind = CAPNP_VALUE_LIST, .first = &a, .name = capnp_text_of("args")};
    grants.next = &args;
    struct capnp_value members = structure(&grants);
    int32_t bytes = make("ProcessSpawner.spawnParams", &members);
    assert_true(bytes > 0 && cap_count == 1);
    assert_true(cap_process_spawner_spawn_params_decode(&message, buffer, (size_t)bytes, caps, cap_count,
                                                        &params) >= 0);
    assert_true(cap_spawn_grant_list_get(&params.grants, 0, &grant) >= 0);
    assert_true(grant.which == CAP_SPAWN_GRANT_CAPABILITY && grant.capability.id == 9);
    assert_true(capnp_list_get_text(&params.args, 1, &argument) >= 0 && argument.len == 2);
}

static void enumerants(void)
{
    struct capnp_message message;
    struct cap_node_info info;
    struct capnp_value kind = {
        .kind = CAPNP_VALUE_WORD, .bytes = capnp_text_of("link"), .name = capnp_text_of("kind")};
    struct capnp_value negative = number("modifiedUnixNs", 5);
    negative.negative = true;
    kind.next = &negative;
    struct capnp_value members = structure(&kind);
    int32_t bytes = make("NodeInfo", &members);
    assert_true(bytes > 0);
    assert_true(cap_node_info_decode(&message, buffer, (size_t)bytes, NULL, 0, &info) >= 0);
    assert_true(info.kind == CAP_NODE_KIND_LINK && info.modified_unix_ns == -5);
}

static void refused(const char *node, struct capnp_value *member, const char *why)
{
    struct capnp_value members = structure(member);
    assert_true(make(node, &members) < 0);
    assert_string_equal(build.error, why);
    assert_true(build.wrong == member);
}

static void refusals(void)
{
    struct capnp_value value = text("offset", "x");
    refused("File.readParams", &value, "offset: expected UInt64, not a text");
    value = number("maxBytes", UINT64_C(1) << 32);
    refused("File.readParams", &value, "maxBytes: the number does not fit UInt32");
    value = number("offset", 1);
    value.negative = true;
    refused("File.readParams", &value, "offset: the number does not fit UInt64");
    value = number("size", 1);
    refused("File.readParams", &value, "no field size; there are offset, maxBytes");
    value = number("", 1);
    refused("Timer.nowParams", &value, "there are no fields here");
    value = (struct capnp_value){
        .kind = CAPNP_VALUE_WORD, .bytes = capnp_text_of("pipe"), .name = capnp_text_of("kind")};
    refused("NodeInfo", &value, "kind: expected one of file, directory, link");
    value = (struct capnp_value){.kind = CAPNP_VALUE_CAP,
                                 .cap = {3, 0},
                                 .interface_id = CAP_TIMER_INTERFACE_ID,
                                 .name = capnp_text_of("to")};
    refused("Directory.renameParams", &value, "to: expected Directory, and this is Timer");
}

static void refused_second(const char *node, struct capnp_value *first, struct capnp_value *second,
                           const char *why)
{
    first->next = second;
    struct capnp_value members = structure(first);
    assert_true(make(node, &members) < 0);
    assert_string_equal(build.error, why);
    assert_true(build.wrong == second);
}

static void twice(void)
{
    struct capnp_value a = number("", 1), b = number("offset", 2);
    refused_second("File.readParams", &a, &b, "offset: given twice");
    struct capnp_value cap = {.kind = CAPNP_VALUE_CAP,
                              .cap = {9, 0},
                              .interface_id = CAP_TIMER_INTERFACE_ID,
                              .name = capnp_text_of("capability")};
    struct capnp_value own = {
        .kind = CAPNP_VALUE_WORD, .bytes = capnp_text_of("parkSpace"), .name = capnp_text_of("own")};
    refused_second("SpawnGrant", &cap, &own, "own: only one member of a union can be given");
}

static void too_large(void)
{
    static char long_text[5000];
    memset(long_text, 'x', sizeof long_text - 1);
    struct capnp_value name = text("name", long_text);
    struct capnp_value members = structure(&name);
    assert_int_equal(make("Directory.openParams", &members), CAPOS_ERR_TOO_LARGE);
    assert_non_null(strstr(build.error, "too large"));
}

/* A schema that somebody else made: a field that lies outside its struct. */
static const struct capnp_schema_field crooked_fields[] = {
    {.name = "far", .offset = 1000, .kind = CAPNP_KIND_UINT64, .discriminant = CAPNP_NO_DISCRIMINANT},
    {.name = "pointer", .offset = 1, .kind = CAPNP_KIND_TEXT, .discriminant = CAPNP_NO_DISCRIMINANT},
    {.name = "kind", .kind = 200, .discriminant = CAPNP_NO_DISCRIMINANT},
    {.name = "self", .kind = CAPNP_KIND_STRUCT, .node = 1, .discriminant = CAPNP_NO_DISCRIMINANT},
    {.name = "member", .kind = CAPNP_KIND_VOID, .discriminant = 3},
};
static const struct capnp_schema_node crooked = {.id = 1,
                                                 .name = "Crooked",
                                                 .data_words = 1,
                                                 .pointer_count = 1,
                                                 .discriminant_offset = 4,
                                                 .fields = crooked_fields,
                                                 .count = 5};

static const struct capnp_schema_node *find_crooked(void *self, uint64_t id)
{
    (void)self;
    return id == 1 ? &crooked : NULL;
}

static void crooked_schemas(void)
{
    const struct capnp_schema schema = {find_crooked, NULL};
    struct capnp_build other = {.schema = &schema};
    struct capnp_value bad[] = {
        number("far", 1),
        text("pointer", "x"),
        number("kind", 1),
        {.kind = CAPNP_VALUE_WORD, .bytes = capnp_text_of("void"), .name = capnp_text_of("member")}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct capnp_value members = structure(&bad[i]);
        assert_int_equal(capnp_build_message(&other, 1, &members, buffer, sizeof buffer, caps, 4, &cap_count),
                         CAPOS_ERR_BAD_MESSAGE);
        assert_non_null(strstr(other.error, "makes no sense"));
    }
    struct capnp_value nest[40];
    for (size_t i = 0; i < 40; i++) {
        nest[i] = structure(i == 0 ? NULL : &nest[i - 1]);
        nest[i].name = capnp_text_of("self");
    }
    assert_int_equal(capnp_build_message(&other, 1, &nest[39], buffer, sizeof buffer, caps, 4, &cap_count),
                     CAPOS_ERR_TOO_LARGE);
    assert_string_equal(other.error, "nested too deep");
}

static const struct unit_test tests[] = {
    UNIT_TEST(scalars_and_positions),
    UNIT_TEST(blobs_structs_and_flags),
    UNIT_TEST(flags_as_a_list),
    UNIT_TEST(lists_unions_and_capabilities),
    UNIT_TEST(enumerants),
    UNIT_TEST(refusals),
    UNIT_TEST(twice),
    UNIT_TEST(too_large),
    UNIT_TEST(crooked_schemas),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, NULL);
}
