/* Unit tests of package.c: what is built is decoded again and compared, and bad packages are named.
 * (tool/capos/ front_door_test.sh has the real capnp tool decode one.) */
#include "package.h"
#include "package_tracer.h"
#include "unit.h"
#include <elf.h>
#include <string.h>

static struct grant_list grants;
static struct words args, env;
static struct dir_list dirs;
static const struct trace_wishes *trace;
static struct buffer package;
static struct sentence why;

static void clean(void)
{
    grant_list_free(&grants);
    dir_list_free(&dirs);
    words_free(&args);
    words_free(&env);
    trace = NULL;
    buffer_free(&package);
}

/* The least that counts as a program. */
static struct {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
} program = {
    .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
               .e_type = ET_EXEC,
               .e_machine = EM_X86_64,
               .e_phoff = sizeof(Elf64_Ehdr),
               .e_phentsize = sizeof(Elf64_Phdr),
               .e_phnum = 1},
    .segment = {.p_type = PT_LOAD},
};

enum { MACHINE_BYTES = 256 << 20 };

static bool build(const char *name)
{
    struct package_request request = {
        .program_name = name,
        .init = {(char *)&program, sizeof(program), 0},
        .program = {(char *)&program, sizeof(program), 0},
        .grants = &grants,
        .args = &args,
        .env = &env,
        .dirs = &dirs,
        .files = {(char *)&program, sizeof(program), 0},
        .terminal = {(char *)&program, sizeof(program), 0},
        .trace = trace,
        .tracer = {(char *)&program, sizeof(program), 0},
        .machine_bytes = MACHINE_BYTES,
    };
    package.size = 0;
    return package_build(&request, &package, &why);
}

static struct capnp_message message;
static struct cap_system_manifest decode(void)
{
    struct cap_system_manifest manifest;
    assert_int_equal(cap_system_manifest_decode(&message, package.data, package.size, NULL, 0, &manifest), 0);
    return manifest;
}

static void assert_text(struct capnp_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.len);
}

static struct cap_program service(const struct cap_system_manifest *manifest)
{
    struct cap_program first;
    assert_int_equal(manifest->init_config.services.count, 1);
    assert_int_equal(cap_program_list_get(&manifest->init_config.services, 0, &first), 0);
    return first;
}

static struct cap_cap_grant cap_at(const struct cap_program *of, size_t index)
{
    struct cap_cap_grant grant;
    assert_int_equal(cap_cap_grant_list_get(&of->caps, index, &grant), 0);
    return grant;
}

static void the_program_gets_exactly_its_grants(void)
{
    assert_true(grant_add(&grants, "timer:clock", &why) && grant_add(&grants, "memory", &why) &&
                grant_add(&grants, "timer:again", &why));
    assert_true(build("hello"));
    struct cap_system_manifest manifest = decode();
    struct cap_program first = service(&manifest);
    assert_text(first.name, "hello");
    assert_text(first.binary, "hello");
    assert_int_equal(first.caps.count, 3);
    struct cap_cap_grant clock = cap_at(&first, 0), memory = cap_at(&first, 1);
    assert_text(clock.name, "clock");
    assert_int_equal(clock.source.which, CAP_CAP_GRANT_SOURCE_INHERIT);
    assert_text(clock.source.inherit, "timer");
    assert_text(memory.name, "memory");
    assert_int_equal(memory.source.which, CAP_CAP_GRANT_SOURCE_KERNEL);
    assert_int_equal(memory.source.kernel, CAP_KERNEL_CAP_VIRTUAL_MEMORY);
}

static void init_gets_what_it_hands_on_once(void)
{
    assert_true(grant_add(&grants, "timer:a", &why) && grant_add(&grants, "timer:b", &why));
    assert_true(build("hello"));
    struct cap_system_manifest manifest = decode();
    unsigned timers = 0, spawners = 0, packages = 0;
    for (size_t i = 0; i < manifest.init_config.init.caps.count; i++) {
        struct cap_cap_grant grant = cap_at(&manifest.init_config.init, i);
        assert_int_equal(grant.source.which, CAP_CAP_GRANT_SOURCE_KERNEL);
        timers += grant.source.kernel == CAP_KERNEL_CAP_TIMER;
        spawners += grant.source.kernel == CAP_KERNEL_CAP_PROCESS_SPAWNER;
        packages += grant.source.kernel == CAP_KERNEL_CAP_BOOT_PACKAGE;
    }
    assert_int_equal(timers, 1);
    assert_int_equal(spawners, 1);
    assert_int_equal(packages, 1);
}

static void arguments_environment_and_files_arrive(void)
{
    words_add(&args, "hello");
    words_add(&args, "");
    words_add(&env, "A=1");
    assert_true(build("hello"));
    struct cap_system_manifest manifest = decode();
    struct cap_program first = service(&manifest);
    struct capnp_text text;
    assert_int_equal(first.args.count, 2);
    assert_int_equal(capnp_list_get_text(&first.args, 1, &text), 0);
    assert_text(text, "");
    assert_int_equal(capnp_list_get_text(&first.env, 0, &text), 0);
    assert_text(text, "A=1");
    const void *bytes;
    size_t size;
    const char *name;
    assert_true(package_program(&package, 1, &name, &bytes, &size));
    assert_string_equal(name, "hello");
    assert_int_equal(size, sizeof(program));
    assert_memory_equal(bytes, &program, size);
    assert_true(package_program(&package, 0, &name, &bytes, &size));
    assert_string_equal(name, "init");
    assert_false(package_program(&package, 2, &name, &bytes, &size));
}

static void a_program_called_init_does_not_replace_init(void)
{
    assert_true(build("init"));
    struct cap_system_manifest manifest = decode();
    assert_text(service(&manifest).binary, "program");
    assert_true(build("capos-tracer"));
    manifest = decode();
    assert_text(service(&manifest).binary, "program");
}

static struct cap_program service_at(const struct cap_system_manifest *manifest, size_t index,
                                     const char *name)
{
    struct cap_program found;
    assert_int_equal(cap_program_list_get(&manifest->init_config.services, index, &found), 0);
    assert_text(found.name, name);
    return found;
}

static void assert_args(const struct cap_program *of, const char *const *expected, size_t count)
{
    struct capnp_text text;
    assert_int_equal(of->args.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(capnp_list_get_text(&of->args, i, &text), 0);
        assert_text(text, expected[i]);
    }
}

/* The tracer stands in the program's place: it holds each object once, and says what it is to be called. */
static void the_tracer_holds_what_the_program_gets(void)
{
    static const struct trace_wishes wishes = {.calls = true, .times = true};
    static const char *const expected[] = {"capos-tracer",
                                           "--calls",
                                           "--times",
                                           "--program=hello",
                                           "--cap=timer:a",
                                           "--own=0:memory",
                                           "--cap=timer:b",
                                           "--cap=stdio:io",
                                           "--cap=spawner:s",
                                           "--cap=capos-files0:root",
                                           "--cap=capos-files1:x:y",
                                           "--",
                                           "hello",
                                           "--calls"};
    assert_true(grant_add(&grants, "timer:a", &why) && grant_add(&grants, "memory", &why) &&
                grant_add(&grants, "timer:b", &why) && grant_add(&grants, "stdio:io", &why) &&
                grant_add(&grants, "spawner:s", &why));
    assert_true(dir_add(&dirs, "here", &why) && dir_add(&dirs, "there:t:ro", &why));
    strcpy(dirs.items[1].name, "x:y");
    words_add(&args, "hello");
    words_add(&args, "--calls");
    words_add(&env, "A=1");
    trace = &wishes;
    assert_true(build("hello"));
    assert_true(package_check(&package, &why));
    struct cap_system_manifest manifest = decode();
    assert_int_equal(manifest.init_config.services.count, 4);
    struct cap_program tracer = service_at(&manifest, 0, "capos-tracer");
    assert_args(&tracer, expected, sizeof expected / sizeof expected[0]);
    assert_true(tracer.main);
    assert_int_equal(tracer.env.count, 1);
    static const char *const held[] = {"spawner", "tracer",       "logsink",     "timer",
                                       "stdio",   "capos-files0", "capos-files1"};
    assert_int_equal(tracer.caps.count, sizeof held / sizeof held[0]);
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        assert_text(cap_at(&tracer, i).name, held[i]);
    assert_int_equal(cap_at(&tracer, 4).source.which, CAP_CAP_GRANT_SOURCE_SERVICE);
    assert_text(cap_at(&tracer, 6).source.service.service, "capos-files1");
    assert_int_equal(cap_at(&tracer, 6).source.service.tag, 1); /* read-only */
}

/* All that is given fits into init's, which fits into the machine. */
static void budgets_with_a_trace_add_up(void)
{
    static const struct trace_wishes wishes = {.calls = true};
    struct cap_budget sum = {0};
    assert_true(grant_add(&grants, "stdio", &why) && dir_add(&dirs, "here", &why));
    trace = &wishes;
    assert_true(build("hello"));
    struct cap_system_manifest manifest = decode();
    assert_true(manifest.init_config.init.has_budget);
    for (size_t i = 0; i < manifest.init_config.services.count; i++) {
        struct cap_program one;
        assert_int_equal(cap_program_list_get(&manifest.init_config.services, i, &one), 0);
        assert_true(one.has_budget && one.budget.frames > 0 && one.budget.kernel_bytes > 0);
        sum.frames += one.budget.frames;
        sum.kernel_bytes += one.budget.kernel_bytes;
    }
    struct cap_budget all = manifest.init_config.init.budget;
    assert_true(sum.frames < all.frames && sum.kernel_bytes < all.kernel_bytes);
    assert_true(all.frames * 4096 + all.kernel_bytes < MACHINE_BYTES);
}

static void long_names_are_cut(void)
{
    assert_true(build("0123456789012345678901234567890123456789"));
    struct cap_system_manifest manifest = decode();
    assert_text(service(&manifest).name, "01234567890123456789012345678901");
    assert_true(package_check(&package, &why));
}

static void many_arguments_fit(void)
{
    for (int i = 0; i < 5000; i++)
        words_addf(&args, "argument number %d", i);
    assert_true(build("hello"));
    assert_true(package_check(&package, &why));
}

/* Encodes a manifest that the test has changed. */
static void encode(const struct cap_system_manifest *manifest)
{
    static uint64_t bytes[4096];
    size_t caps = 0;
    int32_t used = cap_system_manifest_encode(manifest, bytes, sizeof(bytes), NULL, &caps);
    assert_true(used > 0);
    package.size = 0;
    buffer_append(&package, bytes, (size_t)used);
}

static void assert_refused(const char *part)
{
    if (package_check(&package, &why))
        fail_msg("accepted, instead of '%s'", part);
    if (strstr(why.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, part);
}

static void mistakes_are_named_by_field(void)
{
    struct cap_binary binaries[] = {
        {.name = capnp_text_of("a"), .data = capnp_data_of(&program, sizeof(program))},
        {.name = capnp_text_of("text"), .data = capnp_data_of("hello", 5)}};
    struct cap_cap_grant caps[] = {{.name = capnp_text_of("c")}, {.name = capnp_text_of("c")}};
    struct cap_program services[] = {{.binary = capnp_text_of("a")}, {.binary = capnp_text_of("b")}};
    struct cap_system_manifest manifest = {.schema_version = CAP_CURRENT_SCHEMA_VERSION + 1,
                                           .binaries = CAPNP_LIST(binaries, 2)};
    encode(&manifest);
    assert_refused("schemaVersion: must be");
    manifest.schema_version = CAP_CURRENT_SCHEMA_VERSION;
    encode(&manifest);
    assert_refused("initConfig.init is missing");
    manifest.has_init_config = manifest.init_config.has_init = true;
    encode(&manifest);
    assert_refused("initConfig.init.binary is missing");
    manifest.init_config.init.binary = capnp_text_of("a");
    manifest.init_config.services = CAPNP_LIST(services, 2);
    encode(&manifest);
    assert_refused("initConfig.services[1].binary: there is no 'b' in `binaries`");
    services[1].binary = capnp_text_of("text");
    encode(&manifest);
    assert_refused("initConfig.services[1].binary: 'text' is not an ELF program");
    services[1].binary = capnp_text_of("a");
    services[1].caps = CAPNP_LIST(caps, 2);
    encode(&manifest);
    assert_refused("initConfig.services[1].caps[1].name: 'c' is already the name of caps[0]");
    caps[1].name = capnp_text_of("01234567890123456789012345678901234567890");
    encode(&manifest);
    assert_refused("must have from 1 to 40 bytes");
    caps[1].name = capnp_text_of("d");
    encode(&manifest);
    assert_true(package_check(&package, &why));
}

static void damaged_packages_do_no_harm(void)
{
    assert_true(grant_add(&grants, "timer", &why) && build("hello"));
    uint32_t state = 1;
    for (int round = 0; round < 4000; round++) {
        struct buffer damaged = {0};
        buffer_append(&damaged, package.data, package.size);
        for (int i = 0; i < 3; i++) {
            state = state * 1664525u + 1013904223u;
            damaged.data[(state >> 8) % damaged.size] = (char)(state >> 3);
        }
        (void)package_check(&damaged, &why);
        buffer_free(&damaged);
    }
}

static void text_is_no_package(void)
{
    buffer_text(&package, "This is not a message at all.");
    assert_refused("not a well-formed SystemManifest");
}

static const struct unit_test tests[] = {
    UNIT_TEST(the_program_gets_exactly_its_grants),
    UNIT_TEST(init_gets_what_it_hands_on_once),
    UNIT_TEST(arguments_environment_and_files_arrive),
    UNIT_TEST(a_program_called_init_does_not_replace_init),
    UNIT_TEST(the_tracer_holds_what_the_program_gets),
    UNIT_TEST(budgets_with_a_trace_add_up),
    UNIT_TEST(long_names_are_cut),
    UNIT_TEST(many_arguments_fit),
    UNIT_TEST(mistakes_are_named_by_field),
    UNIT_TEST(damaged_packages_do_no_harm),
    UNIT_TEST(text_is_no_package),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, clean);
}
