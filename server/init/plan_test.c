/* Manifests, whole and broken, against init's validation. Each travels through its wire format first. */
#include "plan.h"
#include "unit.h"
#include <capos/boot.h>
#include <capos/capset.h>
#include <capos/console.h>
#include <capos/memory.h>
#include <capos/system.h>
#include <capos/timer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_WORDS = 40000, LONG_TEXT = 70000 };

static uint64_t message_words[MESSAGE_WORDS];
static struct holdings holdings;
static struct plan plan;

/* A manifest that tests bend. */
static struct {
    struct cap_system_manifest manifest;
    struct cap_binary binaries[PLAN_BINARIES_MAX + 1];
    struct cap_program services[PLAN_SERVICES_MAX + 1];
    struct cap_cap_grant caps[PLAN_GRANTS_MAX + 1];
    struct capnp_text args[CAPOS_ARGS_MAX + 1];
    struct capnp_text env[CAPOS_ARGS_MAX + 1];
} base;
static char long_text[LONG_TEXT + 1];

#define T(literal) capnp_text_of(literal)

static struct cap_cap_grant kernel_grant(const char *name, enum cap_kernel_cap kernel)
{
    struct cap_cap_grant grant = {.name = T(name)};
    grant.source.which = CAP_CAP_GRANT_SOURCE_KERNEL;
    grant.source.kernel = kernel;
    return grant;
}

static struct cap_cap_grant inherited(const char *name, const char *source)
{
    struct cap_cap_grant grant = {.name = T(name)};
    grant.source.which = CAP_CAP_GRANT_SOURCE_INHERIT;
    grant.source.inherit = T(source);
    return grant;
}

static void hold(const char *name, uint64_t interface_id)
{
    holdings.items[holdings.count] =
        (struct holding){name, strlen(name), interface_id, (uint32_t)(100 + holdings.count)};
    holdings.count++;
}

static void setup(void)
{
    memset(&base, 0, sizeof base);
    memset(&holdings, 0, sizeof holdings);
    memset(long_text, 'a', LONG_TEXT);
    hold("console", CAP_CONSOLE_INTERFACE_ID);
    hold("clock", CAP_TIMER_INTERFACE_ID);
    hold("memory", CAP_VIRTUAL_MEMORY_INTERFACE_ID);
    base.binaries[0] = (struct cap_binary){.name = T("init"), .data = capnp_data_of("x", 1)};
    base.binaries[1] = (struct cap_binary){.name = T("prog"), .data = capnp_data_of("y", 1)};
    base.caps[0] = kernel_grant("console", CAP_KERNEL_CAP_CONSOLE);
    base.caps[1] = inherited("timer", "clock");
    base.caps[2] = kernel_grant("memory", CAP_KERNEL_CAP_VIRTUAL_MEMORY);
    base.caps[3] = kernel_grant("caps", CAP_KERNEL_CAP_CAPABILITY_MANAGER);
    base.services[0] = (struct cap_program){.binary = T("prog"), .caps = CAPNP_LIST(base.caps, 4)};
    base.services[1] = (struct cap_program){.name = T("other"), .binary = T("prog")};
    base.manifest.schema_version = CAP_CURRENT_SCHEMA_VERSION;
    base.manifest.binaries = CAPNP_LIST(base.binaries, 2);
    base.manifest.has_init_config = true;
    base.manifest.init_config.services = CAPNP_LIST(base.services, 2);
}

static bool make_plan(void)
{
    static struct capnp_message message;
    static struct cap_system_manifest decoded;
    int32_t bytes =
        cap_system_manifest_encode(&base.manifest, message_words, sizeof message_words, NULL, NULL);
    assert_true(bytes > 0);
    assert_int_equal(cap_system_manifest_decode(&message, message_words, (size_t)bytes, NULL, 0, &decoded),
                     0);
    return plan_make(&plan, &decoded, &holdings);
}

static void refused(const char *expected)
{
    assert_false(make_plan());
    assert_string_equal(plan.error, expected);
    setup();
}

static void a_good_manifest(void)
{
    base.manifest.has_kernel_params = true;
    base.manifest.kernel_params.motd = T("hello");
    assert_true(make_plan());
    assert_int_equal(plan.service_count, 2);
    assert_string_equal(plan.services[0].name.bytes, "prog");
    assert_string_equal(plan.services[1].name.bytes, "other");
    assert_string_equal(plan.motd.bytes, "hello");
    assert_true(plan_grants(&plan, 0, &holdings));
    assert_int_equal(plan.grant_count, 4);
    assert_int_equal(plan.grants[0].capability.id, 100);
    assert_int_equal(plan.grants[1].capability.id, 101);
    assert_int_equal(plan.grants[2].which, CAP_SPAWN_GRANT_OWN);
    assert_int_equal(plan.grants[2].own, CAP_OWN_OBJECT_VIRTUAL_MEMORY);
    assert_int_equal(plan.grants[3].own, CAP_OWN_OBJECT_CAPABILITY_MANAGER);
    assert_true(plan_grants(&plan, 1, &holdings));
    assert_int_equal(plan.grant_count, 0);
}

static void broken_top_levels(void)
{
    base.manifest.schema_version = 7;
    refused("schemaVersion: 7, this init reads version 1");
    base.manifest.has_init_config = false;
    refused("initConfig: missing");
    base.manifest.init_config.services.count = 0;
    refused("initConfig.services: empty: there is nothing to start");
    for (size_t i = 0; i <= PLAN_SERVICES_MAX; i++)
        base.services[i] = base.services[0];
    base.manifest.init_config.services.count = PLAN_SERVICES_MAX + 1;
    refused("initConfig.services: 65 entries, at most 64 are possible");
}

static void broken_binaries(void)
{
    base.binaries[1].name = T("");
    refused("binaries[1]: name is empty");
    base.binaries[1].name = T("init");
    refused("binaries[1]: a second binary named \"init\"");
    for (size_t i = 0; i <= PLAN_BINARIES_MAX; i++)
        base.binaries[i] = base.binaries[0];
    base.manifest.binaries.count = PLAN_BINARIES_MAX + 1;
    refused("binaries: 257 entries, at most 256 are possible");
}

static void broken_services(void)
{
    base.services[1].binary = T("");
    refused("initConfig.services[1]: binary is empty");
    base.services[1].binary = T("pro");
    refused("initConfig.services[1]: binaries has no \"pro\"");
    base.services[1].binary = T("pr\x1b[2Jog with a name that goes on and on and on");
    refused("initConfig.services[1]: binaries has no \"pr?[2Jog with a name that goes on and on...\"");
    base.services[1].name = T("prog");
    refused("initConfig.services[1]: a second service named \"prog\"");
    base.services[1].name = T("a name longer than thirty-two byt");
    refused("initConfig.services[1]: name \"a name longer than thirty-two byt\" is longer than 32 bytes");
    base.services[1].name = T("a\nb");
    refused("initConfig.services[1]: name \"a?b\" has a control character in it");
    base.services[0].has_budget = true;
    base.services[0].budget.cap_slots = 3;
    refused("initConfig.services[0]: budget.capSlots is 3, but caps has 4 entries");
    base.services[0].has_budget = true;
    base.services[0].budget.cap_slots = 100000;
    refused("initConfig.services[0]: budget.capSlots is 100000, at most 16384 are possible");
}

static void broken_grants(void)
{
    base.caps[1] = inherited("timer", "x");
    refused("initConfig.services[0].caps[1]: no capability named \"x\"; init holds: console, clock, memory");
    base.caps[1] = kernel_grant("entropy", CAP_KERNEL_CAP_ENTROPY);
    refused(
        "initConfig.services[0].caps[1]: init was not granted the kernel's entropy, so it cannot pass it on "
        "(initConfig.init.caps); init holds: console, clock, memory");
    base.caps[1] = inherited("memory2", "memory");
    refused("initConfig.services[0].caps[1]: \"memory\" is init's own; write kernel = virtualMemory to give "
            "the service "
            "one of its own");
    base.caps[1] = kernel_grant("odd", (enum cap_kernel_cap)99);
    refused("initConfig.services[0].caps[1]: source.kernel is 99, which is no kernel object that this init "
            "knows");
    base.caps[2].name = T("console");
    refused("initConfig.services[0].caps[2]: a second capability named \"console\"");
    base.caps[0].name = T("");
    refused("initConfig.services[0].caps[0]: name is empty");
    base.caps[0].name = T("a capability whose name has 41 characters");
    refused("initConfig.services[0].caps[0]: name \"a capability whose name has 41 character...\" is longer "
            "than 40 "
            "bytes");
    holdings.count = 0;
    assert_false(make_plan());
    assert_non_null(strstr(plan.error, "init holds: nothing"));
}

static void too_many_grants(void)
{
    static char names[PLAN_GRANTS_MAX + 1][8];
    for (size_t i = 0; i <= PLAN_GRANTS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "c%zu", i);
        base.caps[i] = kernel_grant(names[i], CAP_KERNEL_CAP_CONSOLE);
    }
    base.services[0].caps.count = 9;
    assert_false(make_plan());
    assert_non_null(strstr(plan.error, "services[0].caps[8]: one more than the 8 capabilities"));
    base.services[0].caps.count = PLAN_GRANTS_MAX + 1;
    assert_false(make_plan());
    assert_string_equal(plan.error, "initConfig.services[0]: caps has 65 entries, at most 64 are possible");
}

static void broken_arguments(void)
{
    base.args[0] = T("prog");
    base.args[1] = capnp_text_n("a\0b", 3);
    base.services[0].args = CAPNP_LIST(base.args, 2);
    refused("initConfig.services[0]: args[1] has a NUL byte in it");
    base.env[0] = T("KEY");
    base.services[0].env = CAPNP_LIST(base.env, 1);
    refused("initConfig.services[0]: env[0] \"KEY\" is not of the form KEY=value");
    base.env[0] = T("=value");
    base.services[0].env = CAPNP_LIST(base.env, 1);
    refused("initConfig.services[0]: env[0] \"=value\" is not of the form KEY=value");
    for (size_t i = 0; i <= CAPOS_ARGS_MAX; i++)
        base.args[i] = T("a");
    base.services[0].args = CAPNP_LIST(base.args, CAPOS_ARGS_MAX + 1);
    refused("initConfig.services[0]: args has 257 entries, at most 256 are possible");
    base.args[0] = T(long_text);
    base.services[0].args = CAPNP_LIST(base.args, 1);
    refused(
        "initConfig.services[0]: args and env are too long together: one call carries at most 8192 bytes");
}

/* The error text is cut, not overrun, when everything in it is as long as it can be. */
static void long_errors_are_cut(void)
{
    static char names[PLAN_HOLDINGS_MAX][CAPOS_CAP_NAME_MAX + 1];
    holdings.count = 0;
    for (size_t i = 0; i < PLAN_HOLDINGS_MAX; i++) {
        memset(names[i], 'n', CAPOS_CAP_NAME_MAX);
        hold(names[i], 1);
    }
    base.caps[1] = inherited("timer", long_text);
    assert_false(make_plan());
    assert_true(strlen(plan.error) < PLAN_ERROR_BYTES);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(a_good_manifest),  UNIT_TEST(broken_top_levels),   UNIT_TEST(broken_binaries),
        UNIT_TEST(broken_services),  UNIT_TEST(broken_grants),       UNIT_TEST(too_many_grants),
        UNIT_TEST(broken_arguments), UNIT_TEST(long_errors_are_cut),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
