/* The shell's language on the build machine: lines against a fake system that records calls. */
#include "unit.h"
#include "commands.h"
#include "help.h"
#include "suggest.h"
#include <capos/fs.h>
#include <capos/memory.h>
#include <capos/system.h>
#include <capos/timer.h>
#include <stdio.h>
#include <string.h>

static struct line line;
static struct eval eval;
static struct names names;
static char out[16384];
static size_t out_len;
static uint32_t next_cap, released;
static uint32_t called_cap, called_method, called_caps;
static int32_t invoke_error;
static struct cap_open_flags opened_flags;

static void collect(void *self, const char *bytes, size_t len)
{
    (void)self;
    assert_true(out_len + len < sizeof out);
    memcpy(out + out_len, bytes, len);
    out_len += len;
    out[out_len] = '\0';
}

/* A Directory that gives Files and Directories, a Timer, a CapabilityManager. */
static int32_t invoke(void *self, uint32_t cap_id, uint16_t method_id, struct cap_message *message)
{
    size_t caps = 0;
    int32_t bytes = 0;
    (void)self;
    called_cap = cap_id;
    called_method = method_id;
    called_caps = (uint32_t)message->cap_count;
    if (invoke_error != 0)
        return invoke_error;
    if (cap_id == 1) {
        const struct cap_timer_now_results now = {.monotonic_ns = 12000, .tick = 3};
        bytes = cap_timer_now_results_encode(&now, message->results, message->results_limit, NULL, &caps);
    } else if (cap_id == 3 && method_id == 1) {
        const struct cap_capability_manager_make_revocable_results made = {.facet = {next_cap, 0},
                                                                           .revoker = {next_cap + 1, 0}};
        bytes = cap_capability_manager_make_revocable_results_encode(
            &made, message->results, message->results_limit, message->caps_in, &caps);
        next_cap += 2;
    } else if (method_id == 0 && cap_id == 2) {
        struct capnp_message reader;
        struct cap_directory_open_params params;
        assert_true(cap_directory_open_params_decode(&reader, message->params, message->params_bytes,
                                                     message->caps, message->cap_count, &params) >= 0);
        opened_flags = params.flags;
        struct cap_directory_open_results opened = {.file = {next_cap, 0}};
        if (params.name.len == 6 && memcmp(params.name.bytes, "absent", 6) == 0)
            opened = (struct cap_directory_open_results){.status = CAP_FS_STATUS_NOT_FOUND};
        else
            next_cap++;
        bytes = cap_directory_open_results_encode(&opened, message->results, message->results_limit,
                                                  message->caps_in, &caps);
    } else if (method_id == 9 || method_id == 10) {
        const struct cap_directory_sub_results sub = {.directory = {next_cap++, 0}};
        bytes = cap_directory_sub_results_encode(&sub, message->results, message->results_limit,
                                                 message->caps_in, &caps);
    }
    message->results_bytes = bytes < 0 ? 0 : (size_t)bytes;
    message->caps_in_count = caps;
    return bytes;
}

static void release(void *self, uint32_t cap_id)
{
    (void)self;
    assert_true(cap_id != 0);
    released++;
}

static const char *why(void *self, int32_t result)
{
    (void)self;
    (void)result;
    return "the capability was revoked";
}

static uint64_t interface_named(void *self, struct capnp_text name)
{
    (void)self;
    for (size_t i = 0; i < capnp_schema_node_count; i++)
        if (capnp_schema_nodes[i].kind == CAPNP_NODE_INTERFACE &&
            syntax_text_is(name, capnp_schema_nodes[i].name))
            return capnp_schema_nodes[i].id;
    return 0;
}

static struct shell_system system_below = {
    .interface_named = interface_named, .invoke = invoke, .release = release, .why = why, .write = collect};

static void hold(const char *name, uint32_t id, uint64_t interface_id)
{
    struct held old;
    assert_true(names_bind(&names, capnp_text_of(name), (struct held){.id = id, .interface_id = interface_id},
                           "granted", &old));
}

static void setup(void)
{
    names.count = 0;
    next_cap = 100;
    released = 0;
    invoke_error = 0;
    system_below.schema = capnp_schema_built_in;
    hold("timer", 1, CAP_TIMER_INTERFACE_ID);
    hold("dir", 2, CAP_DIRECTORY_INTERFACE_ID);
    hold("caps", 3, CAP_CAPABILITY_MANAGER_INTERFACE_ID);
}

static bool run(const char *text)
{
    bool handled = true;
    out_len = 0;
    out[0] = '\0';
    eval_begin(&eval, &system_below, &names, &line);
    bool good = syntax_parse(&line, text, strlen(text)) && commands_run(&eval, &handled);
    eval_end(&eval);
    return good && handled;
}

static void prints(const char *text, const char *expected)
{
    if (!run(text))
        print_error("%s: %s\n", text, line.problem.text);
    assert_string_equal(out, expected);
}

static void refuses(const char *text, uint32_t at, const char *expected)
{
    if (run(text))
        fail_msg("%s was not refused", text);
    assert_string_equal(line.problem.text, expected);
    assert_int_equal(line.problem.at, at);
}

static void calls(void)
{
    prints("call @timer.now()", "monotonicNs = 12000, tick = 3\n");
    prints("@timer.now()", "monotonicNs = 12000, tick = 3\n");
    prints("let f = call @dir.open(name = \"a\", flags = (create = true))", "@f is a File\n");
    assert_int_equal(released, 0);
    prints("@dir.open(\"a\")",
           "status = ok, file = cap#101, linkText = \"\"\n(dropped: let NAME = ... keeps a capability)\n");
    assert_int_equal(released, 1);
}

static void chains_and_attenuation(void)
{
    prints("let s = @dir.sub(\"x\") readonly", "@s is a Directory\n");
    assert_int_equal(called_cap, 100);
    assert_int_equal(called_method, 10);
    assert_int_equal(released, 1); /* the sub-directory that may write */
    prints("let r = @timer revocable", "@r is a Timer\n");
    assert_int_equal(called_caps, 1);
    prints("revoke @r", "@r and every copy of it are revoked\n");
    assert_int_equal(called_cap, 103);
    prints("drop @r", "@r is gone\n");
    assert_int_equal(released, 3);
}

static void refusals_of_meaning(void)
{
    refuses("@tmer.now()", 0, "the shell holds nothing called tmer; did you mean @timer?");
    refuses("@treasure.now()", 0, "the shell holds nothing called treasure; caps lists what it holds");
    refuses("@timer.nw()", 7, "Timer has no method nw; it has now, sleep, sleepUntil, mapClock");
    refuses("@timer.sleep(\"x\")", 13, "Timer.sleep: durationNs: expected UInt64, not a text");
    refuses("@timer.sleep(1, 2)", 16, "Timer.sleep: no field for this; the fields are durationNs");
    refuses("@timer readonly", 7, "Timer has no readOnly: it cannot be narrowed so");
    refuses("let x = @timer.now()", 0, "Timer.now gives 0 capabilities, and there are 1 names");
    refuses("@dir.open(\"absent\").stat()", 5, "Directory.open: notFound");
    refuses("@dir.rename(\"a\", @timer, \"b\")", 17,
            "Directory.rename: to: expected Directory, and this is Timer");
    refuses("revoke @timer", 7, "nothing to revoke it with: let x = @timer revocable makes one that can be");
    refuses("let y = @timer", 0, "this capability has a name already");
    invoke_error = CAPOS_ERR_REVOKED;
    refuses("@timer.now()", 7, "Timer.now: the capability was revoked");
}

static void refusals_of_form(void)
{
    refuses("@", 1, "expected a capability's name after '@'");
    refuses("@timer.", 7, "expected a method's name after '.'");
    refuses("@timer.now", 10, "expected '(' after a method's name");
    refuses("@timer.now(", 11, "expected a value");
    refuses("@timer.now() x", 13, "this does not belong here");
    refuses("@timer.sleep(12a)", 15, "this does not belong to a number");
    refuses("@timer.sleep(99999999999999999999)", 13, "the number is above 64 bits");
    refuses("@dir.open(\"a)", 10, "this text does not end");
    refuses("@dir.open(\"\\q\")", 11, "there are \\n \\t \\\" \\\\ and \\xNN");
    refuses("let = @dir", 4, "expected a name after let");
    refuses("let x = caps", 8, "let takes a capability: let f = @dir.open(name = \"a\")");
    refuses("ls |", 4, "expected a program's name");
    refuses("ls >", 4, "expected a file's name after '>'");
    refuses("ls with out", 8, "expected '{' after with");
    refuses("ls with { @out }", 10, "expected a name and ':', as in { out: @console }");
}

static void programs_and_pipes(void)
{
    const char *text = "run cat \"a b\" -n with { out: @dir.sub(\"x\") readonly, n: 3 } | hexdump > f";
    assert_true(syntax_parse(&line, text, strlen(text)));
    assert_int_equal(line.command, COMMAND_RUN);
    assert_int_equal(line.stage_count, 2);
    assert_int_equal(line.stages[0].arg_count, 2);
    assert_true(syntax_text_is(line.stages[0].args[0], "a b") &&
                syntax_text_is(line.stages[0].args[1], "-n"));
    assert_true(line.stages[0].has_with && !line.stages[1].has_with);
    assert_true(syntax_text_is(line.stages[0].with->name, "out") && line.stages[0].with->next != NULL);
    assert_true(syntax_text_is(line.output.path, "f") && !line.output.append && line.input.path.len == 0);
    assert_true(syntax_parse(&line, "ls &", 4) && line.command == COMMAND_SPAWN);
    for (const struct program *program = programs; program->name != NULL; program++) {
        struct node *with;
        assert_true(syntax_parse_with(&line, program->with, strlen(program->with), &with));
    }
}

static void redirections(void)
{
    const char *text = "cat -n < a 'b c' | hexdump >> 'it'";
    assert_true(syntax_parse(&line, text, strlen(text)));
    assert_true(syntax_text_is(line.input.path, "a") && line.input.at == 9);
    assert_int_equal(line.stages[0].arg_count, 2);
    assert_true(syntax_text_is(line.stages[0].args[1], "b c"));
    assert_true(line.output.append && line.output.at == 30);
    assert_true(syntax_parse(&line, "echo a > f b with { n: 1 } &", 28));
    assert_true(line.stages[0].arg_count == 2 && line.stages[0].has_with && line.command == COMMAND_SPAWN);
    assert_true(syntax_parse(&line, "trace ls -l", 11) && line.command == COMMAND_TRACE);
    refuses("cat <", 5, "expected a file's name after '<'");
    refuses("cat >> ", 7, "expected a file's name after '>>'");
    refuses("cat < a < b", 10, "there is a file for '<' already");
    refuses("cat | hexdump < a", 14, "this program reads from the pipe");
    refuses("cat > a | hexdump", 6, "what goes into a file does not go into the pipe");
    refuses("cat 'a", 4, "this text does not end");
    refuses("trace ls | cat", 11, "trace shows one program");
    refuses("trace ls &", 9, "a trace is shown while it is made");
}

static void flags(void)
{
    prints("let f = @dir.open(name = \"a\", flags = [create, readOnly])", "@f is a File\n");
    assert_true(opened_flags.create && opened_flags.read_only && !opened_flags.truncate);
    refuses("@dir.open(\"a\", [creat])", 16,
            "Directory.open: no flag creat; there are create, exclusive, truncate, readOnly");
    refuses("@dir.open(\"a\", [\"create\"])", 16,
            "Directory.open: flags: in this list stand the names of flags");
    refuses("@dir.open(\"a\", create)", 15,
            "Directory.open: flags: expected OpenFlags, not a word; write [create]");
}

static unsigned slips(const char *a, const char *b)
{
    return suggest_distance(capnp_text_of(a), capnp_text_of(b));
}

static void suggestions(void)
{
    struct suggestion meant;
    assert_int_equal(slips("", "abc"), 3);
    assert_int_equal(slips("sl", "ls"), 1);
    assert_int_equal(slips("timer", "timer"), 0);
    assert_int_equal(slips("tmer", "timer"), 1);
    assert_int_equal(slips("hexdmup", "hexdump"), 1);
    assert_int_equal(slips("kitten", "sitting"), 3);
    assert_int_equal(slips("a", "01234567890123456789012345678901234567890"), SUGGEST_MANY);
    suggest_begin(&meant, capnp_text_of("sl"));
    suggest_offer(&meant, "cp");
    assert_null(meant.best);
    suggest_offer(&meant, "ls");
    assert_string_equal(meant.best, "ls");
    suggest_begin(&meant, capnp_text_of("x"));
    suggest_offer(&meant, "y");
    assert_null(meant.best);
}

static void help_on_everything(void)
{
    char text[80];
    assert_true(run("help") && strstr(out, "uptime\nNew here?") != NULL);
    for (size_t i = 0; help_topic(i) != NULL; i++) {
        snprintf(text, sizeof text, "help %s", help_topic(i));
        assert_true(run(text) && out_len > 30);
    }
    for (const char *const *command = syntax_commands; *command != NULL; command++) {
        snprintf(text, sizeof text, "help %s", *command);
        assert_true(run(text) && out_len > 30);
    }
    for (const struct program *program = programs; program->name != NULL; program++) {
        snprintf(text, sizeof text, "help %s", program->name);
        assert_true(run(text) && strstr(out, "It is given { out: the terminal") != NULL);
    }
    assert_true(run("help >>") && strncmp(out, "a | b, a < FILE", 15) == 0);
    assert_true(run("help &") && strncmp(out, "spawn", 5) == 0);
    assert_true(run("help @timer") && strncmp(out, "Timer (0x", 9) == 0);
    assert_true(run("help Timer") && strncmp(out, "Timer (0x", 9) == 0);
    refuses("help insepct", 5,
            "there is no command, program or interface of that name; did you mean inspect?");
    refuses("help quantum", 5,
            "there is no command, program or interface of that name; help lists what there is");
}

static void what_the_shell_needs_stays(void)
{
    names_find(&names, capnp_text_of("timer"))->needed = true;
    refuses("drop @timer", 5, "the shell itself works with @timer");
    refuses("let timer = @dir.sub(\"x\")", 0, "the shell itself works with @timer");
    prints("drop @dir", "@dir is gone\n");
}

/* What a failing line was given in between must not stay with the shell. */
static void failures_leave_nothing(void)
{
    static const char *const lines[] = {
        "@dir.sub(\"x\").sub(\"y\").nothing()",
        "@dir.sub(\"x\").open(\"absent\").stat()",
        "let a, b = @dir.sub(\"x\")",
        "@dir.rename(\"a\", @dir.sub(\"x\"), 3)",
        "let l = @dir.sub(\"x\") revocable nonsense",
        "let timer = @dir.open(\"a\")",
        "let 01234567890123456789012345678901234567890123456789 = @dir.open(\"a\")",
        "@dir.open(\"a\", [creat])",
        "revoke @dir.sub(\"x\")",
    };
    names_find(&names, capnp_text_of("timer"))->needed = true;
    for (unsigned i = 0; i < 2000; i++)
        assert_false(run(lines[i % (sizeof lines / sizeof lines[0])]));
    assert_true(next_cap > 1000);
    assert_int_equal(released, next_cap - 100);
    assert_int_equal(names.count, 3);
}

static void depth_and_size(void)
{
    static char deep[SYNTAX_LINE_MAX + 10];
    memset(deep, '(', sizeof deep);
    memcpy(deep, "@timer.sleep(", 13);
    assert_false(syntax_parse(&line, deep, SYNTAX_LINE_MAX));
    assert_string_equal(line.problem.text, "nested too deep");
    assert_false(syntax_parse(&line, deep, SYNTAX_LINE_MAX + 1));
    memset(deep, '1', sizeof deep);
    for (size_t i = 0; i < sizeof deep; i += 2)
        deep[i] = ',';
    memcpy(deep, "@timer.sleep(", 13);
    assert_false(syntax_parse(&line, deep, SYNTAX_LINE_MAX));
    assert_string_equal(line.problem.text, "too many values in one line");
}

static void inspecting(void)
{
    assert_true(run("inspect @timer"));
    assert_non_null(strstr(out, "  now() -> (monotonicNs :UInt64, tick :UInt64)\n"));
    assert_non_null(strstr(out, "Completes when the time has passed."));
    assert_true(run("inspect Directory"));
    assert_non_null(strstr(
        out, "list(cookie :UInt64, maxEntries :UInt32) -> (status :FsStatus, entries :List(DirEntry)"));
    refuses("inspect Nothing", 8, "no interface of that name; a capability is @Nothing");
    assert_true(run("let f = @dir.open(\"a\")") && run("let v = @dir readonly"));
    assert_true(run("caps") && strstr(out, "@timer        Timer                granted\n") != NULL);
    assert_non_null(strstr(out, "@f            File                 Directory.open from @dir\n"));
    assert_non_null(strstr(out, "@v            Directory            from @dir\n"));
}

static void problems_are_pointed_at(void)
{
    assert_false(run("@timer.nw()"));
    out_len = 0;
    commands_show_problem(&eval);
    assert_string_equal(out, "  @timer.nw()\n         ^^\n"
                             "Timer has no method nw; it has now, sleep, sleepUntil, mapClock\n");
}

static const struct unit_test tests[] = {
    UNIT_TEST(calls),
    UNIT_TEST(chains_and_attenuation),
    UNIT_TEST(refusals_of_meaning),
    UNIT_TEST(refusals_of_form),
    UNIT_TEST(programs_and_pipes),
    UNIT_TEST(redirections),
    UNIT_TEST(flags),
    UNIT_TEST(suggestions),
    UNIT_TEST(help_on_everything),
    UNIT_TEST(what_the_shell_needs_stays),
    UNIT_TEST(failures_leave_nothing),
    UNIT_TEST(depth_and_size),
    UNIT_TEST(inspecting),
    UNIT_TEST(problems_are_pointed_at),
};

int main(void)
{
    return UNIT_MAIN(tests, setup, NULL);
}
