/* Unit tests of options.c, number.c and grants.c: the command line. */
#include "options.h"
#include "number.h"
#include "unit.h"
#include <capos/limits.h>
#include <stdio.h>
#include <string.h>

static struct options options;
static struct sentence why;

static void clean(void)
{
    options_free(&options);
}

#define PARSE(command, ...) parse(command, (char *const[]){__VA_ARGS__, NULL})
static bool parse(enum command command, char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    options_free(&options);
    return options_parse(command, argc, argv, &options, &why);
}

static void assert_says(const char *part)
{
    if (strstr(why.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, part);
}

static void console_and_memory_are_granted_by_default(void)
{
    assert_true(PARSE(COMMAND_RUN, "p.c"));
    assert_int_equal(options.grants.count, 2);
    assert_string_equal(options.grants.items[0].name, "console");
    assert_string_equal(options.grants.items[1].name, "memory");
    assert_true(options.grants.items[1].kind->own);
    assert_string_equal(options.subject, "p.c");
}

static void no_default_grants_nothing(void)
{
    assert_true(PARSE(COMMAND_RUN, "--no-default", "p.c"));
    assert_int_equal(options.grants.count, 0);
}

static void grants_keep_their_order_and_names(void)
{
    assert_true(PARSE(COMMAND_RUN, "--grant", "timer:clock", "--grant=entropy", "p.c"));
    assert_int_equal(options.grants.count, 4);
    assert_string_equal(options.grants.items[2].name, "clock");
    assert_int_equal(options.grants.items[2].kind->source, CAP_KERNEL_CAP_TIMER);
    assert_string_equal(options.grants.items[3].name, "entropy");
}

static void a_named_grant_replaces_the_default_of_that_name(void)
{
    assert_true(PARSE(COMMAND_RUN, "--grant", "timer:console", "p.c"));
    assert_int_equal(options.grants.count, 2);
    assert_string_equal(options.grants.items[0].name, "memory");
    assert_int_equal(options.grants.items[1].kind->source, CAP_KERNEL_CAP_TIMER);
}

static void a_capability_may_be_granted_twice_under_two_names(void)
{
    assert_true(PARSE(COMMAND_RUN, "--grant", "timer:a", "--grant", "timer:b", "p.c"));
    assert_false(PARSE(COMMAND_RUN, "--grant", "timer:a", "--grant", "entropy:a", "p.c"));
    assert_says("two grants are called 'a'");
}

static void interface_names_serve_as_words(void)
{
    assert_true(PARSE(COMMAND_RUN, "--grant", "EntropySource", "--grant", "WallClock:w", "p.c"));
    assert_string_equal(options.grants.items[2].name, "entropy");
    assert_int_equal(options.grants.items[3].kind->source, CAP_KERNEL_CAP_WALL_CLOCK);
}

/* `count` timers under different names, and the console that is given by default. */
static bool parse_timers(size_t count)
{
    static char grants[2 * CAPOS_CALL_CAPS_MAX][16];
    char *argv[4 * CAPOS_CALL_CAPS_MAX + 2];
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(grants[i], sizeof grants[i], "timer:t%zu", i);
        argv[at++] = (char *)"--grant";
        argv[at++] = grants[i];
    }
    argv[at++] = (char *)"p.c";
    argv[at] = NULL;
    return parse(COMMAND_RUN, argv);
}

static void more_grants_than_can_be_handed_on_are_refused(void)
{
    assert_true(parse_timers(CAPOS_CALL_CAPS_MAX - 1));
    assert_false(parse_timers(CAPOS_CALL_CAPS_MAX));
    assert_says("these are 33 grants");
}

/* `count` folders and the console; with `first` in front, or null. */
static bool parse_folders(size_t count, const char *first)
{
    static char folders[2 * CAPOS_CALL_CAPS_MAX][16];
    char *argv[4 * CAPOS_CALL_CAPS_MAX + 3];
    size_t at = 0;
    if (first != NULL)
        argv[at++] = (char *)first;
    for (size_t i = 0; i < count; i++) {
        snprintf(folders[i], sizeof folders[i], "a:d%zu", i);
        argv[at++] = (char *)"--dir";
        argv[at++] = folders[i];
    }
    argv[at++] = (char *)"p.c";
    argv[at] = NULL;
    return parse(COMMAND_RUN, argv);
}

static void folders_count_as_grants(void)
{
    assert_true(parse_folders(CAPOS_CALL_CAPS_MAX - 1, NULL));
    assert_false(parse_folders(CAPOS_CALL_CAPS_MAX, NULL));
    assert_says("these are 33 grants");
}

/* It holds spawner, tracer and logsink besides; with them as grants no more. */
static void a_tracer_must_be_handed_it_all(void)
{
    assert_true(parse_folders(CAPOS_CALL_CAPS_MAX - 4, "--trace"));
    assert_false(parse_folders(CAPOS_CALL_CAPS_MAX - 3, "--trace"));
    assert_says("the tracer would be handed 33 capabilities");
    assert_true(parse_folders(CAPOS_CALL_CAPS_MAX - 3, NULL));
    assert_false(PARSE(COMMAND_RUN, "--trace", "--grant", "nothing", "p.c"));
    assert_true(PARSE(COMMAND_RUN, "--trace", "--grant", "spawner", "--grant", "timer:a", "--grant",
                      "timer:b", "p.c"));
}

static void an_unknown_grant_lists_the_grants(void)
{
    assert_false(PARSE(COMMAND_RUN, "--grant", "network:n", "p.c"));
    assert_says("no capability called 'network'");
    assert_says("console, memory, timer, wallclock, entropy");
}

static void bad_grant_names_are_refused(void)
{
    assert_false(PARSE(COMMAND_RUN, "--grant", "timer:", "p.c"));
    assert_says("a name is missing");
    assert_false(PARSE(COMMAND_RUN, "--grant", "timer:a b", "p.c"));
    assert_says("holds a space");
    assert_false(PARSE(COMMAND_RUN, "--grant", "timer:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "p.c"));
    assert_says("41 bytes long");
    assert_true(PARSE(COMMAND_RUN, "--grant", "timer:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "p.c"));
}

/* Every kernel capability of the schema but the tracer can be granted, and has an interface in the generated
 * tables. */
static void the_table_is_whole(void)
{
    size_t count;
    const struct grant_kind *kinds = grant_kinds(&count);
    assert_int_equal(count, CAP_KERNEL_CAP_CONSOLE_INPUT + 1);
    unsigned seen = 0;
    for (size_t i = 0; i < count; i++) {
        assert_string_not_equal(grant_interface_name(&kinds[i]), "?");
        seen |= 1u << kinds[i].source;
    }
    assert_int_equal(seen | 1u << CAP_KERNEL_CAP_TRACER, (1u << (CAP_KERNEL_CAP_CONSOLE_INPUT + 1)) - 1);
}

static void a_terminal_is_granted_by_a_server(void)
{
    assert_true(PARSE(COMMAND_RUN, "--grant", "terminal", "--grant", "StdIO:io", "p.c"));
    assert_true(grant_needs_terminal(&options.grants));
    assert_string_equal(options.grants.items[3].name, "io");
    assert_string_equal(options.grants.items[3].kind->export, "stdio");
    assert_false(PARSE(COMMAND_RUN, "--grant", "stdio", "--grant", "input", "p.c"));
    assert_says("would take what is typed");
    assert_true(PARSE(COMMAND_RUN, "--grant", "stdio", "--trace", "p.c"));
    assert_true(grant_needs_terminal(&options.grants) && options.trace && options.trace_calls);
    assert_false(PARSE(COMMAND_RUN, "--trace", "--grant", "terminal", "--grant", "input", "p.c"));
    assert_says("would take what is typed");
    assert_true(PARSE(COMMAND_RUN, "--grant", "input", "p.c"));
    assert_false(grant_needs_terminal(&options.grants));
}

static void arguments_behind_the_program_are_its_own(void)
{
    assert_true(PARSE(COMMAND_RUN, "p.c", "--grant", "x", "-v"));
    assert_int_equal(options.arg_count, 3);
    assert_string_equal(options.args[0], "--grant");
    assert_true(PARSE(COMMAND_RUN, "--verbose", "--", "-p.c", "a"));
    assert_string_equal(options.subject, "-p.c");
}

static void machine_options_are_read(void)
{
    assert_true(
        PARSE(COMMAND_BOOT, "--machine", "q35", "--memory=1G", "--cpus", "4", "--timeout", "9", "m.capnp"));
    assert_int_equal(options.machine.type, MACHINE_Q35);
    assert_int_equal(options.machine.memory_mib, 1024);
    assert_int_equal(options.machine.cpus, 4);
    assert_true(options.cpus_given);
    assert_int_equal(options.timeout_s, 9);
    assert_false(PARSE(COMMAND_RUN, "--machine", "pdp11", "p.c"));
    assert_says("microvm, q35");
}

static void environment_entries_need_a_key(void)
{
    assert_true(PARSE(COMMAND_RUN, "--env", "A=1=2", "--env", "B=", "p.c"));
    assert_int_equal(options.env.count, 2);
    assert_false(PARSE(COMMAND_RUN, "--env", "A", "p.c"));
    assert_says("--env KEY=value");
    assert_false(PARSE(COMMAND_RUN, "--env", "=1", "p.c"));
}

static void options_of_the_other_command_are_unknown(void)
{
    assert_false(PARSE(COMMAND_BOOT, "--grant", "timer", "m.capnp"));
    assert_says("there is no option --grant");
    assert_false(PARSE(COMMAND_RUN, "--expect", "f", "p.c"));
    assert_false(PARSE(COMMAND_RUN, "--grants", "timer", "p.c"));
    assert_says("--grant --env");
}

static void missing_things_are_named(void)
{
    assert_true(PARSE(COMMAND_RUN, "--verbose")); /* the shell */
    assert_null(options.subject);
    assert_false(PARSE(COMMAND_RUN, "--grant", "timer")); /* which holds what its manifest says */
    assert_says("say what to run");
    assert_false(PARSE(COMMAND_BOOT, "--verbose"));
    assert_says("say what to boot");
    assert_false(PARSE(COMMAND_RUN, "--grant"));
    assert_says("--grant needs a value");
    assert_false(PARSE(COMMAND_RUN, "--timeout"));
    assert_says("--timeout needs a value");
    assert_false(PARSE(COMMAND_BOOT, "m.capnp", "--cpus"));
    assert_says("one argument too many");
}

static void folders_have_names(void)
{
    assert_true(PARSE(COMMAND_RUN, "--dir", "a", "--dir", "b/c:d", "--dir=e:f:ro", "p.c"));
    assert_int_equal(options.dirs.count, 3);
    assert_string_equal(options.dirs.items[0].host, "a");
    assert_string_equal(options.dirs.items[0].name, "root");
    assert_false(options.dirs.items[0].read_only);
    assert_string_equal(options.dirs.items[1].host, "b/c");
    assert_string_equal(options.dirs.items[1].name, "d");
    assert_string_equal(options.dirs.items[2].host, "e");
    assert_string_equal(options.dirs.items[2].name, "f");
    assert_true(options.dirs.items[2].read_only);
    assert_true(PARSE(COMMAND_RUN, "--dir", "a:b/c", "p.c")); /* a colon in a folder's name */
    assert_string_equal(options.dirs.items[0].host, "a:b/c");
    assert_false(PARSE(COMMAND_RUN, "--dir", "a", "--dir", "b", "p.c"));
    assert_says("two capabilities are called 'root'");
    assert_false(PARSE(COMMAND_RUN, "--dir", "a:timer", "--grant", "timer", "p.c"));
    assert_says("two capabilities are called 'timer'");
    assert_false(PARSE(COMMAND_RUN, "--dir", "a:", "p.c"));
    assert_says("a name is missing");
    assert_false(PARSE(COMMAND_RUN, "--dir", ":x", "p.c"));
    assert_says("names no folder");
    assert_true(PARSE(COMMAND_RUN, "--dir", "a", "--dir", "b:root2")); /* the shell has a root */
    assert_string_equal(options.dirs.items[0].name, "host");
    assert_string_equal(options.dirs.items[1].name, "root2");
    assert_false(PARSE(COMMAND_RUN, "--dir", "a", "--dir", "b"));
    assert_says("two capabilities are called 'host'");
    assert_true(PARSE(COMMAND_RUN, "--dir", "a", "--trace", "p.c"));
    assert_int_equal(options.dirs.count, 1);
    assert_false(PARSE(COMMAND_RUN, "--trace", "--dir", "a:timer", "--grant", "timer", "p.c"));
    assert_says("two capabilities are called 'timer'. Give the folder another name: --dir a:OTHER");
    assert_false(PARSE(COMMAND_RUN, "--dir", "a", "--trace"));
    assert_says("say what to run");
}

static void memory_sizes(void)
{
    unsigned mib;
    assert_true(memory_size_parse("64M", &mib, &why) && mib == 64);
    assert_true(memory_size_parse("64", &mib, &why) && mib == 64);
    assert_true(memory_size_parse("2g", &mib, &why) && mib == 2048);
    assert_true(memory_size_parse("4096K", &mib, &why) && mib == 4);
    static const char *const bad[] = {
        "", "M", "x", "-1M", "64Q", "64MB", "1025K", "1M", "0", "9999999G", "99999999999999999999", "1.5G"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(memory_size_parse(bad[i], &mib, &why));
}

static void numbers_keep_their_bounds(void)
{
    unsigned value;
    assert_true(number_parse("7", "n", 1, 7, &value, &why) && value == 7);
    static const char *const bad[] = {"8", "0", "", "-1", "+1", " 1", "1 ", "1x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(number_parse(bad[i], "n", 1, 7, &value, &why));
}

static void commands_are_quoted_for_the_shell(void)
{
    struct words words = {0};
    struct buffer text = {0};
    words_add(&words, "a b");
    words_add(&words, "c'd");
    words_add(&words, "");
    words_add(&words, "x=1,y");
    qemu_quote(&words, &text);
    assert_string_equal(buffer_string(&text), "'a b' 'c'\\''d' '' x=1,y\n");
    buffer_free(&text);
    words_free(&words);
}

static const struct unit_test tests[] = {
    UNIT_TEST(console_and_memory_are_granted_by_default),
    UNIT_TEST(no_default_grants_nothing),
    UNIT_TEST(grants_keep_their_order_and_names),
    UNIT_TEST(a_named_grant_replaces_the_default_of_that_name),
    UNIT_TEST(a_capability_may_be_granted_twice_under_two_names),
    UNIT_TEST(interface_names_serve_as_words),
    UNIT_TEST(more_grants_than_can_be_handed_on_are_refused),
    UNIT_TEST(folders_count_as_grants),
    UNIT_TEST(a_tracer_must_be_handed_it_all),
    UNIT_TEST(an_unknown_grant_lists_the_grants),
    UNIT_TEST(bad_grant_names_are_refused),
    UNIT_TEST(the_table_is_whole),
    UNIT_TEST(a_terminal_is_granted_by_a_server),
    UNIT_TEST(arguments_behind_the_program_are_its_own),
    UNIT_TEST(machine_options_are_read),
    UNIT_TEST(environment_entries_need_a_key),
    UNIT_TEST(options_of_the_other_command_are_unknown),
    UNIT_TEST(missing_things_are_named),
    UNIT_TEST(folders_have_names),
    UNIT_TEST(memory_sizes),
    UNIT_TEST(numbers_keep_their_bounds),
    UNIT_TEST(commands_are_quoted_for_the_shell),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, clean);
}
