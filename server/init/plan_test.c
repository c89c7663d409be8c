/* Manifests, whole and broken, against init's validation. Each travels through its wire format first. */
#include "plan.h"
#include "unit.h"
#include <capos/boot.h>
#include <capos/capset.h>
#include <capos/console.h>
#include <capos/ipc.h>
#include <capos/memory.h>
#include <capos/pipe.h>
#include <capos/sched.h>
#include <capos/supervisor.h>
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
    struct cap_export exports[PLAN_EXPORTS_MAX + 1];
    struct capnp_text after[2];
    struct cap_shared_pipe pipes[PLAN_PIPES_MAX + 1];
    struct capnp_text notifications[PLAN_NOTIFICATIONS_MAX + 1];
    struct cap_cap_grant imports[4];
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
    assert_int_equal(plan.grants[0].source, 100);
    assert_int_equal(plan.grants[1].source, 101);
    assert_int_equal(plan.grants[2].kind, PLAN_GRANT_OWN);
    assert_int_equal(plan.grants[2].source, CAP_OWN_OBJECT_VIRTUAL_MEMORY);
    assert_int_equal(plan.grants[3].source, CAP_OWN_OBJECT_CAPABILITY_MANAGER);
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
    refused("initConfig.services: 29 entries, at most 28 are possible");
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
    base.services[0].caps.count = CAPOS_CALL_CAPS_MAX + 1;
    assert_false(make_plan());
    assert_non_null(strstr(plan.error, "services[0].caps[32]: one more than the 32 capabilities"));
    base.services[0].caps.count = PLAN_GRANTS_MAX + 1;
    assert_false(make_plan());
    assert_string_equal(plan.error,
                        "initConfig.services[0]: caps and exports have 65 entries, at most 64 are possible");
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

/* ---- A graph: `prog` exports a store, `other` imports it and shares a pipe and a notification with it. */

static struct cap_cap_grant imported(const char *name, const char *service, const char *what)
{
    struct cap_cap_grant grant = {.name = T(name)};
    grant.source.which = CAP_CAP_GRANT_SOURCE_SERVICE;
    grant.source.has_service = true;
    grant.source.service = (struct cap_export_ref){.service = T(service), .export_ = T(what), .tag = 7};
    return grant;
}

static void make_graph(void)
{
    hold("ipc", CAP_IPC_FACTORY_INTERFACE_ID);
    base.exports[0] = (struct cap_export){.name = T("store"), .serves = T("NullCap"), .max_queued = 9};
    base.services[0].exports = CAPNP_LIST(base.exports, 1);
    base.pipes[0] = (struct cap_shared_pipe){.name = T("pipe")};
    base.notifications[0] = T("bell");
    base.manifest.init_config.pipes = CAPNP_LIST(base.pipes, 1);
    base.manifest.init_config.notifications = CAPNP_LIST(base.notifications, 1);
    base.imports[0] = imported("db", "prog", "store");
    base.imports[0].expects = T("NullCap");
    base.imports[1] = (struct cap_cap_grant){.name = T("in"), .expects = T("PipeReader")};
    base.imports[1].source.which = CAP_CAP_GRANT_SOURCE_PIPE_READER;
    base.imports[1].source.pipe_reader = T("pipe");
    base.imports[2] = (struct cap_cap_grant){.name = T("bell"), .expects = T("Signaler")};
    base.imports[2].source.which = CAP_CAP_GRANT_SOURCE_SIGNALER;
    base.imports[2].source.signaler = T("bell");
    base.imports[3] = (struct cap_cap_grant){.name = T("sup"), .expects = T("Supervisor")};
    base.imports[3].source.which = CAP_CAP_GRANT_SOURCE_SUPERVISOR;
    base.services[1].caps = CAPNP_LIST(base.imports, 4);
}

static void graph_refused(const char *expected)
{
    refused(expected);
    make_graph();
}

static void a_good_graph(void)
{
    make_graph();
    assert_true(make_plan());
    assert_int_equal(plan.export_count, 1);
    assert_true(plan.exports[0].interface_id == CAP_NULL_CAP_INTERFACE_ID);
    assert_int_equal(plan.exports[0].max_queued, 9);
    assert_true(plan.serves_supervisor && plan.kills);
    assert_int_equal(plan.pipes[0].readers, 2);
    assert_int_equal(plan.pipes[0].writers, 0);
    assert_true(plan_grants(&plan, 0, &holdings));
    assert_int_equal(plan.grant_count, 5);
    assert_int_equal(plan.grants[4].kind, PLAN_GRANT_ENDPOINT);
    assert_true(plan_grants(&plan, 1, &holdings));
    assert_int_equal(plan.grants[0].kind, PLAN_GRANT_IMPORT);
    assert_int_equal(plan.grants[0].tag, 7);
    assert_true(plan.grants[0].interface_id == CAP_NULL_CAP_INTERFACE_ID);
    base.imports[0].source.service.export_ = T(""); /* the only one */
    base.exports[0].serves = T("0x1234");
    base.imports[0].expects = T("0x0000000000001234");
    assert_true(make_plan());
}

static void broken_exports(void)
{
    make_graph();
    base.exports[0].serves = T("Nullcap");
    graph_refused("initConfig.services[0].exports[0]: serves \"Nullcap\" is no interface of schema/ (such as "
                  "\"Timer\"), and no id (such as \"0x984b74b4add477b8\")");
    base.exports[0].serves = T("0x12345678901234567");
    assert_false(make_plan());
    base.exports[0].serves = T("0x");
    assert_false(make_plan());
    base.exports[0].serves = T("0x12g");
    assert_false(make_plan());
    setup(), make_graph();
    base.exports[0].max_queued = 1025;
    graph_refused("initConfig.services[0].exports[0]: maxQueued is 1025, at most 1024 are possible");
    base.exports[0].name = T("timer");
    graph_refused("initConfig.services[0].exports[0]: a second capability named \"timer\"");
    base.exports[1] = base.exports[0];
    base.services[0].exports.count = 2;
    graph_refused("initConfig.services[0].exports[1]: a second export named \"store\"");
    for (size_t i = 0; i <= PLAN_EXPORTS_MAX; i++)
        base.exports[i] = base.exports[0];
    base.services[0].exports.count = PLAN_EXPORTS_MAX + 1;
    graph_refused("initConfig.services[0]: exports has 65 entries; all services together can have 64");
    base.manifest.init_config.pipes.count = 0;
    base.manifest.init_config.notifications.count = 0;
    holdings.count--;
    graph_refused("initConfig.services[0]: init was not granted the kernel's ipcFactory, so it cannot make "
                  "endpoints for its exports (initConfig.init.caps); init holds: console, clock, memory");
}

static void broken_imports(void)
{
    make_graph();
    base.imports[0].source.service.service = T("prig");
    graph_refused("initConfig.services[1].caps[0]: source.service.service: there is no service \"prig\"");
    base.imports[0].source.service.export_ = T("stare");
    graph_refused(
        "initConfig.services[1].caps[0]: source.service.export: \"prog\" does not export \"stare\"");
    base.services[0].exports.count = 0;
    graph_refused("initConfig.services[1].caps[0]: source.service: \"prog\" exports nothing");
    base.exports[1] = (struct cap_export){.name = T("more"), .serves = T("Timer")};
    base.services[0].exports.count = 2;
    base.imports[0].source.service.export_ = T("");
    graph_refused("initConfig.services[1].caps[0]: source.service.export is empty, but \"prog\" exports 2 "
                  "capabilities");
    base.imports[0].expects = T("Timer");
    graph_refused("initConfig.services[1].caps[0]: expects Timer, but the source is NullCap");
    base.imports[1].source.pipe_reader = T("pope");
    graph_refused("initConfig.services[1].caps[1]: source.pipeReader: initConfig.pipes has no \"pope\"");
    base.imports[1].expects = T("PipeWriter");
    graph_refused("initConfig.services[1].caps[1]: expects PipeWriter, but the source is PipeReader");
    base.imports[1].source.which = CAP_CAP_GRANT_SOURCE_PIPE_WRITER;
    base.imports[1].source.pipe_writer = T("pipe");
    graph_refused("initConfig.services[1].caps[1]: expects PipeReader, but the source is PipeWriter");
    base.imports[1].source.which = CAP_CAP_GRANT_SOURCE_PIPE_WRITER;
    base.imports[1].source.pipe_writer = T("bell"); /* of a notification */
    graph_refused("initConfig.services[1].caps[1]: source.pipeWriter: initConfig.pipes has no \"bell\"");
    base.imports[2].expects = T("Notification");
    graph_refused("initConfig.services[1].caps[2]: expects Notification, but the source is Signaler");
    base.imports[2].source.which = CAP_CAP_GRANT_SOURCE_NOTIFICATION;
    base.imports[2].source.notification = T("bell");
    graph_refused("initConfig.services[1].caps[2]: expects Signaler, but the source is Notification");
    base.imports[2].source.which = CAP_CAP_GRANT_SOURCE_NOTIFICATION;
    base.imports[2].source.notification = T("pipe");
    graph_refused("initConfig.services[1].caps[2]: source.notification: initConfig.notifications has no "
                  "\"pipe\"");
    base.imports[2].source.signaler = T("ball");
    graph_refused(
        "initConfig.services[1].caps[2]: source.signaler: initConfig.notifications has no \"ball\"");
    base.imports[3].source.supervisor = (enum cap_supervisor_rights)5;
    graph_refused("initConfig.services[1].caps[3]: source.supervisor is 5, which this init does not know");
    base.caps[1].expects = T("WallClock");
    graph_refused("initConfig.services[0].caps[1]: expects WallClock, but the source is Timer");
    base.caps[1].expects = T("Tmer");
    graph_refused("initConfig.services[0].caps[1]: expects \"Tmer\" is no interface of schema/ (such as "
                  "\"Timer\"), and no id (such as \"0x984b74b4add477b8\")");
}

static void broken_shared_objects(void)
{
    make_graph();
    base.pipes[1] = base.pipes[0];
    base.manifest.init_config.pipes.count = 2;
    graph_refused("initConfig.pipes[1]: a second pipe named \"pipe\"");
    base.pipes[0].capacity_bytes = 1 + (1 << 20);
    graph_refused("initConfig.pipes[0]: capacityBytes is 1048577, at most 1048576 are possible");
    base.manifest.init_config.pipes.count = PLAN_PIPES_MAX + 1;
    graph_refused("initConfig.pipes: 17 entries, at most 16 are possible");
    base.notifications[1] = base.notifications[0];
    base.manifest.init_config.notifications.count = 2;
    graph_refused("initConfig.notifications[1]: a second notification named \"bell\"");
    for (size_t i = 0; i <= PLAN_NOTIFICATIONS_MAX; i++)
        base.notifications[i] = T("n");
    base.manifest.init_config.notifications.count = PLAN_NOTIFICATIONS_MAX + 1;
    graph_refused("initConfig.notifications: 17 entries, at most 16 are possible");
}

static void order_follows_needs(void)
{
    make_graph();
    base.services[2] = base.services[1]; /* "other" first, then "prog", then "last" */
    base.services[1] = base.services[0];
    base.services[0] = base.services[2];
    base.services[2] = (struct cap_program){.name = T("last"), .binary = T("prog")};
    base.manifest.init_config.services.count = 3;
    assert_true(make_plan());
    assert_int_equal(plan.order[0], 1);
    assert_int_equal(plan.order[1], 0);
    assert_int_equal(plan.order[2], 2);
    base.after[0] = T("last");
    base.services[1].after = CAPNP_LIST(base.after, 1);
    assert_true(make_plan());
    assert_int_equal(plan.order[0], 2);
    assert_int_equal(plan.order[1], 1);
    base.after[0] = T("lost");
    graph_refused("initConfig.services[1].after[0]: there is no service \"lost\"");
}

static void circles(void)
{
    make_graph();
    base.after[0] = T("other");
    base.services[0].after = CAPNP_LIST(base.after, 1);
    graph_refused("initConfig.services[0]: services need each other to be started first "
                  "(caps[].source.service, after): prog -> other -> prog");
    base.after[0] = T("prog");
    base.services[0].after = CAPNP_LIST(base.after, 1);
    graph_refused("initConfig.services[0]: services need each other to be started first "
                  "(caps[].source.service, after): prog -> prog");
}

/* Every service needs the one behind it, and the last but one needs the second: one way leads into the
 * circle. */
static void the_longest_circle(void)
{
    static struct capnp_text names[PLAN_SERVICES_MAX];
    static char texts[PLAN_SERVICES_MAX][CAPOS_PROCESS_NAME_MAX + 1];
    for (size_t i = 0; i < PLAN_SERVICES_MAX; i++) {
        memset(texts[i], 'a' + (int)i % 26, CAPOS_PROCESS_NAME_MAX);
        snprintf(texts[i], 4, "%zu", i);
        texts[i][strlen(texts[i])] = '_';
        names[i] = T(texts[i]);
    }
    for (size_t i = 0; i < PLAN_SERVICES_MAX; i++)
        base.services[i] =
            (struct cap_program){.name = names[i],
                                 .binary = T("prog"),
                                 .after = CAPNP_LIST(&names[i + 1 < PLAN_SERVICES_MAX ? i + 1 : 1], 1)};
    base.manifest.init_config.services.count = PLAN_SERVICES_MAX;
    assert_false(make_plan());
    assert_non_null(strstr(plan.error, "initConfig.services[1]: services need each other"));
    assert_true(strlen(plan.error) < PLAN_ERROR_BYTES);
}

static void broken_policies(void)
{
    struct cap_restart restart = {.mode = CAP_RESTART_MODE_ON_FAILURE,
                                  .limit = 5,
                                  .window_ms = 1000,
                                  .backoff_ms = 10,
                                  .backoff_max_ms = 100};
    base.services[1].has_restart = true;
    base.services[1].restart = restart;
    assert_true(make_plan());
    assert_int_equal(plan.services[1].restart.mode, RESTART_ON_FAILURE);
    assert_int_equal(plan.services[1].restart.window_ns, 1000000000);
    assert_int_equal(plan.services[0].restart.mode, RESTART_NEVER);
    base.services[1].restart.mode = (enum cap_restart_mode)9;
    refused("initConfig.services[1]: restart.mode is 9, which this init does not know");
    base.services[1].has_restart = true;
    base.services[1].restart = restart;
    base.services[1].restart.limit = 21;
    refused("initConfig.services[1]: restart.limit is 21, it must be from 1 to 20");
    base.services[1].has_restart = true;
    base.services[1].restart = restart;
    base.services[1].restart.window_ms = 0;
    refused("initConfig.services[1]: restart.windowMs is 0: restarts could not be counted");
    base.services[1].has_restart = true;
    base.services[1].restart = restart;
    base.services[1].restart.backoff_ms = 101;
    refused("initConfig.services[1]: restart.backoffMs is 101, above backoffMaxMs, 100");
    base.services[1].has_restart = true;
    base.services[1].restart = restart;
    base.services[0].caps.count = 0;
    holdings.count = 1;
    refused(
        "initConfig.services[1]: init was not granted the kernel's timer, so it cannot wait before a restart "
        "(initConfig.init.caps); init holds: console");
    base.services[1].max_weight = 300;
    refused("initConfig.services[1].maxWeight: 300, but caps has no kernel = schedulingPolicy");
    base.services[0].max_weight = 300;
    base.caps[1] = kernel_grant("policy", CAP_KERNEL_CAP_SCHEDULING_POLICY);
    refused(
        "initConfig.services[0].caps[1]: init was not granted the kernel's schedulingPolicy, so it cannot "
        "limit it to maxWeight (initConfig.init.caps); init holds: console, clock, memory");
    hold("policy", CAP_SCHEDULING_POLICY_INTERFACE_ID);
    base.services[0].max_weight = 300;
    base.caps[1] = kernel_grant("policy", CAP_KERNEL_CAP_SCHEDULING_POLICY);
    assert_true(make_plan());
    assert_true(plan_grants(&plan, 0, &holdings));
    assert_int_equal(plan.grants[1].kind, PLAN_GRANT_POLICY);
    assert_int_equal(plan.grants[1].tag, 300);
    base.services[0].max_weight = 10001;
    refused("initConfig.services[0].maxWeight: 10001, at most 10000 is possible");
    base.services[0].has_budget = true;
    base.services[0].budget.frames = UINT64_C(1) << 40;
    refused("initConfig.services[0]: budget.frames is 1099511627776, which is more than an address space can "
            "hold");
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
        UNIT_TEST(a_good_manifest),     UNIT_TEST(broken_top_levels),
        UNIT_TEST(broken_binaries),     UNIT_TEST(broken_services),
        UNIT_TEST(broken_grants),       UNIT_TEST(too_many_grants),
        UNIT_TEST(broken_arguments),    UNIT_TEST(long_errors_are_cut),
        UNIT_TEST(a_good_graph),        UNIT_TEST(broken_exports),
        UNIT_TEST(broken_imports),      UNIT_TEST(broken_shared_objects),
        UNIT_TEST(order_follows_needs), UNIT_TEST(circles),
        UNIT_TEST(the_longest_circle),  UNIT_TEST(broken_policies),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
