/* See options.h. */
#include "options.h"
#include "number.h"
#include <stdlib.h>
#include <string.h>

enum { CPUS_MAX = 255, TIMEOUT_MAX_S = 7 * 24 * 3600 };

static bool env_add(struct options *options, const char *text, struct sentence *why)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return sentence_say(why, "'%s' is not an environment entry. Write --env KEY=value", text);
    words_add(&options->env, text);
    return true;
}

static bool machine_set(struct options *options, const char *text, struct sentence *why)
{
    if (machine_type_parse(text, &options->machine.type))
        return true;
    return sentence_say(why, "there is no machine called '%s'. There are: microvm, q35", text);
}

static bool grant_option(struct options *o, const char *value, struct sentence *why)
{
    return grant_add(&o->grants, value, why);
}
static bool dir_option(struct options *o, const char *value, struct sentence *why)
{
    return dir_add(&o->dirs, value, why);
}
static bool memory_option(struct options *o, const char *value, struct sentence *why)
{
    return memory_size_parse(value, &o->machine.memory_mib, why);
}
static bool cpus_option(struct options *o, const char *value, struct sentence *why)
{
    o->cpus_given = true;
    return number_parse(value, "--cpus", 1, CPUS_MAX, &o->machine.cpus, why);
}
static bool timeout_option(struct options *o, const char *value, struct sentence *why)
{
    return number_parse(value, "--timeout (in seconds)", 1, TIMEOUT_MAX_S, &o->timeout_s, why);
}
static bool kernel_option(struct options *o, const char *value, struct sentence *why)
{
    (void)why;
    o->kernel = value;
    return true;
}
/* --trace=calls,sched */
static bool trace_option(struct options *o, const char *value, struct sentence *why)
{
    o->trace = true;
    while (*value != '\0') {
        size_t len = strcspn(value, ",");
        if (len == 5 && strncmp(value, "calls", len) == 0)
            o->trace_calls = true;
        else if (len == 5 && strncmp(value, "sched", len) == 0)
            o->trace_sched = true;
        else
            return sentence_say(why,
                                "--trace: there is no '%.*s'. Write --trace, --trace=sched or "
                                "--trace=calls,sched",
                                (int)len, value);
        value += len + (value[len] == ',' ? 1 : 0);
    }
    return true;
}
static bool expect_option(struct options *o, const char *value, struct sentence *why)
{
    (void)why;
    o->expect = value;
    return true;
}

enum { ON_RUN = 1 << COMMAND_RUN, ON_BOOT = 1 << COMMAND_BOOT, ON_GDB = 1 << COMMAND_GDB };
enum { ON_ALL = ON_RUN | ON_BOOT | ON_GDB };

struct option_value {
    const char *name;
    bool (*set)(struct options *options, const char *value, struct sentence *why);
    unsigned commands;
};
static const struct option_value with_value[] = {
    {"--grant", grant_option, ON_RUN},
    {"--env", env_add, ON_RUN},
    {"--dir", dir_option, ON_RUN},
    {"--memory", memory_option, ON_ALL},
    {"--cpus", cpus_option, ON_ALL},
    {"--machine", machine_set, ON_ALL},
    {"--timeout", timeout_option, ON_RUN | ON_BOOT},
    {"--trace", trace_option, ON_RUN},
    {"--expect", expect_option, ON_BOOT},
    {"--kernel", kernel_option, ON_ALL},
};

struct option_switch {
    const char *name;
    size_t flag; /* offset of the bool */
    unsigned commands;
};
static const struct option_switch switches[] = {
    {"--no-default", offsetof(struct options, no_default), ON_RUN},
    {"--explain", offsetof(struct options, explain), ON_RUN},
    {"--verbose", offsetof(struct options, verbose), ON_ALL},
    {"--trace", offsetof(struct options, trace), ON_RUN},
    {"--trace-times", offsetof(struct options, trace_times), ON_RUN},
    {"--print-qemu", offsetof(struct options, print_qemu), ON_ALL},
    {"--virtual-time", offsetof(struct options, machine.virtual_time), ON_RUN | ON_BOOT},
    {"--uefi", offsetof(struct options, machine.uefi), ON_BOOT},
    {"--kvm", offsetof(struct options, want_kvm), ON_RUN | ON_BOOT},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool switch_apply(struct options *options, enum command command, const char *word)
{
    for (size_t i = 0; i < COUNT(switches); i++) {
        if (strcmp(word, switches[i].name) != 0 || !(switches[i].commands & 1u << command))
            continue;
        *((bool *)((char *)options + switches[i].flag)) = true;
        return true;
    }
    return false;
}

/* Some take a value or none: those stand in both tables. */
static bool takes_a_value(enum command command, const char *name)
{
    for (size_t i = 0; i < COUNT(with_value); i++) {
        if ((with_value[i].commands & 1u << command) && strcmp(with_value[i].name, name) == 0)
            return true;
    }
    return false;
}

static void list_options(enum command command, struct buffer *out)
{
    for (size_t i = 0; i < COUNT(with_value); i++) {
        if (with_value[i].commands & 1u << command)
            buffer_printf(out, "%s ", with_value[i].name);
    }
    for (size_t i = 0; i < COUNT(switches); i++) {
        if ((switches[i].commands & 1u << command) && !takes_a_value(command, switches[i].name))
            buffer_printf(out, "%s ", switches[i].name);
    }
}

static bool unknown_option(enum command command, const char *word, struct sentence *why)
{
    struct buffer names = {0};
    list_options(command, &names);
    sentence_say(why, "there is no option %s. There are: %s(capos help explains them)", word,
                 buffer_string(&names));
    buffer_free(&names);
    return false;
}

/* `--name value` or `--name=value`; *index moves on over what was used. */
static bool value_apply(struct options *options, enum command command, int argc, char *const *argv,
                        int *index, struct sentence *why)
{
    const char *word = argv[*index];
    for (size_t i = 0; i < COUNT(with_value); i++) {
        size_t len = strlen(with_value[i].name);
        if (strncmp(word, with_value[i].name, len) != 0 || (word[len] != '\0' && word[len] != '=') ||
            !(with_value[i].commands & 1u << command))
            continue;
        if (word[len] == '=')
            return with_value[i].set(options, word + len + 1, why);
        if (*index + 1 >= argc)
            return sentence_say(why, "%s needs a value behind it", word);
        *index += 1;
        return with_value[i].set(options, argv[*index], why);
    }
    return unknown_option(command, word, why);
}

static bool missing_subject(enum command command, struct sentence *why)
{
    switch (command) {
    case COMMAND_BOOT:
        return sentence_say(why, "say what to boot: capos boot MANIFEST (.capnp, .json, .cue or a .package)");
    case COMMAND_GDB:
        return sentence_say(why, "say what to debug: capos gdb NAME (a demo) or capos gdb FILE.package");
    default:
        return sentence_say(
            why, "say what to run: capos run [--grant CAPABILITY]... PROGRAM (a .c file or a capOS program)");
    }
}

/* Without a program it is the shell that boots, and its manifest says what it holds. */
static bool wants_program(const struct options *options)
{
    return options->grants.count > 0 || options->env.count > 0 || options->no_default || options->explain ||
           options->trace || options->trace_times;
}

bool options_parse(enum command command, int argc, char *const *argv, struct options *out,
                   struct sentence *why)
{
    *out = (struct options){.machine = machine_default()};
    int i = 0;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (!switch_apply(out, command, argv[i]) && !value_apply(out, command, argc, argv, &i, why))
            return false;
    }
    if (i >= argc && (command != COMMAND_RUN || wants_program(out)))
        return missing_subject(command, why);
    if (i >= argc) {
        dir_list_for_shell(&out->dirs);
        return dir_list_check(&out->dirs, &out->grants, why);
    }
    out->subject = argv[i];
    out->args = argv + i + 1;
    out->arg_count = (size_t)(argc - i - 1);
    if (command != COMMAND_RUN && out->arg_count > 0)
        return sentence_say(why, "'%s' is one argument too many: options go before %s", out->args[0],
                            out->subject);
    out->trace = out->trace || out->trace_times;
    out->trace_calls = out->trace_calls || !out->trace_sched;
    if (!out->no_default)
        grant_add_defaults(&out->grants);
    return grant_list_check(&out->grants, out->dirs.count, out->trace, why) &&
           dir_list_check(&out->dirs, &out->grants, why);
}

void options_free(struct options *options)
{
    grant_list_free(&options->grants);
    dir_list_free(&options->dirs);
    free(options->system_program);
    words_free(&options->env);
}
