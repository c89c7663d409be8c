/* See grants.h. */
#include "grants.h"
#include "interfaces.h"
#include <capos/boot.h>
#include <capos/console.h>
#include <capos/entropy.h>
#include <capos/ipc.h>
#include <capos/log.h>
#include <capos/memory.h>
#include <capos/park.h>
#include <capos/process.h>
#include <capos/sched.h>
#include <capos/thread.h>
#include <capos/system.h>
#include <capos/terminal.h>
#include <capos/timer.h>
#include <capos/trace.h>
#include <capos/wallclock.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct grant_kind kinds[] = {
    {"console", CAP_KERNEL_CAP_CONSOLE, CAP_CONSOLE_INTERFACE_ID, false, "print lines (given by default)",
     NULL},
    {"memory", CAP_KERNEL_CAP_VIRTUAL_MEMORY, CAP_VIRTUAL_MEMORY_INTERFACE_ID, true,
     "its own address space: map, protect, unmap (given by default)", NULL},
    {"timer", CAP_KERNEL_CAP_TIMER, CAP_TIMER_INTERFACE_ID, false,
     "monotonic time, sleeping, and reading the TSC", NULL},
    {"wallclock", CAP_KERNEL_CAP_WALL_CLOCK, CAP_WALL_CLOCK_INTERFACE_ID, false, "the time of day", NULL},
    {"entropy", CAP_KERNEL_CAP_ENTROPY, CAP_ENTROPY_SOURCE_INTERFACE_ID, false, "random bytes", NULL},
    {"input", CAP_KERNEL_CAP_CONSOLE_INPUT, CAP_CONSOLE_INPUT_INTERFACE_ID, false,
     "read what is typed, byte by byte", NULL},
    {"log", CAP_KERNEL_CAP_LOG_READER, CAP_LOG_READER_INTERFACE_ID, false, "read the kernel's log", NULL},
    {"logsink", CAP_KERNEL_CAP_LOG_SINK, CAP_LOG_SINK_INTERFACE_ID, false,
     "write records into the kernel's log", NULL},
    {"systeminfo", CAP_KERNEL_CAP_SYSTEM_INFO, CAP_SYSTEM_INFO_INTERFACE_ID, false,
     "memory and process statistics", NULL},
    {"systemcontrol", CAP_KERNEL_CAP_SYSTEM_CONTROL, CAP_SYSTEM_CONTROL_INTERFACE_ID, false,
     "shut the machine down or restart it", NULL},
    {"capabilities", CAP_KERNEL_CAP_CAPABILITY_MANAGER, CAP_CAPABILITY_MANAGER_INTERFACE_ID, true,
     "list its own capabilities", NULL},
    {"spawner", CAP_KERNEL_CAP_PROCESS_SPAWNER, CAP_PROCESS_SPAWNER_INTERFACE_ID, false, "start processes",
     NULL},
    {"bootpackage", CAP_KERNEL_CAP_BOOT_PACKAGE, CAP_BOOT_PACKAGE_INTERFACE_ID, false,
     "read everything the machine was booted with", NULL},
    {"ipc", CAP_KERNEL_CAP_IPC_FACTORY, CAP_IPC_FACTORY_INTERFACE_ID, false,
     "make endpoints, notifications and pipes", NULL},
    {"threads", CAP_KERNEL_CAP_THREAD_SPAWNER, CAP_THREAD_SPAWNER_INTERFACE_ID, true,
     "start threads of its own", NULL},
    {"thread", CAP_KERNEL_CAP_THREAD_CONTROL, CAP_THREAD_CONTROL_INTERFACE_ID, true,
     "end, interrupt and set up its own threads", NULL},
    {"park", CAP_KERNEL_CAP_PARK_SPACE, CAP_PARK_SPACE_INTERFACE_ID, true,
     "wait on words of its own memory (mutexes sleep instead of spinning)", NULL},
    {"shared-park", CAP_KERNEL_CAP_SHARED_PARK_SPACE, CAP_SHARED_PARK_SPACE_INTERFACE_ID, false,
     "wait on words of shared memory", NULL},
    {"scheduling", CAP_KERNEL_CAP_SCHEDULING_POLICY, CAP_SCHEDULING_POLICY_INTERFACE_ID, true,
     "change its own threads' share of the processors", NULL},
    {"tracer", CAP_KERNEL_CAP_TRACER, CAP_TRACER_INTERFACE_ID, false, "watch what a child process does",
     NULL},
    {"null", CAP_KERNEL_CAP_NULL, CAP_NULL_CAP_INTERFACE_ID, false,
     "an object that does nothing, for measuring", NULL},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* The source is what the server takes it from. */
static const struct grant_kind terminal_kinds[] = {
    {"terminal", CAP_KERNEL_CAP_CONSOLE_INPUT, CAP_TERMINAL_SESSION_INTERFACE_ID, false,
     "the terminal as a whole: lines with editing, raw mode, its size", "terminal"},
    {"stdio", CAP_KERNEL_CAP_CONSOLE_INPUT, CAP_STD_IO_INTERFACE_ID, false,
     "read lines and write: the terminal of a program that is to know no more of it", "stdio"},
};
enum { TERMINAL_KIND_COUNT = sizeof(terminal_kinds) / sizeof(terminal_kinds[0]) };

const struct grant_kind *grant_terminal_kinds(size_t *count)
{
    *count = TERMINAL_KIND_COUNT;
    return terminal_kinds;
}

const struct grant_kind *grant_kinds(size_t *count)
{
    *count = KIND_COUNT;
    return kinds;
}

const char *grant_interface_name(const struct grant_kind *kind)
{
    const struct cap_interface_info *info = cap_interface_find(kind->interface_id);
    return info == NULL ? "?" : info->name;
}

void grant_words(struct buffer *out)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : ", ", kinds[i].word);
    for (size_t i = 0; i < TERMINAL_KIND_COUNT; i++)
        buffer_printf(out, ", %s", terminal_kinds[i].word);
}

/* The word, or the interface's own name in any case: `timer`, `Timer`, `EntropySource`. */
static bool kind_is(const struct grant_kind *kind, const char *word, size_t len)
{
    const char *interface = grant_interface_name(kind);
    return (strlen(kind->word) == len && strncmp(kind->word, word, len) == 0) ||
           (strlen(interface) == len && strncasecmp(interface, word, len) == 0);
}

static const struct grant_kind *kind_find(const char *word, size_t len)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kind_is(&kinds[i], word, len))
            return &kinds[i];
    for (size_t i = 0; i < TERMINAL_KIND_COUNT; i++)
        if (kind_is(&terminal_kinds[i], word, len))
            return &terminal_kinds[i];
    return NULL;
}

static bool unknown_grant(const char *word, size_t len, struct sentence *why)
{
    struct buffer words = {0};
    grant_words(&words);
    sentence_say(why, "there is no capability called '%.*s' to grant. There are: %s", (int)len, word,
                 buffer_string(&words));
    buffer_free(&words);
    return false;
}

bool grant_name_check(const char *name, struct sentence *why)
{
    size_t len = strlen(name);
    if (len == 0)
        return sentence_say(
            why, "a name is missing behind the colon. Write --grant timer:clock or just --grant timer");
    if (len > CAPOS_CAP_NAME_MAX)
        return sentence_say(why, "the name '%s' is %zu bytes long; a name in the CapSet has at most %u", name,
                            len, CAPOS_CAP_NAME_MAX);
    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)name[i]))
            return sentence_say(why, "the name '%s' holds a space or a control character", name);
    }
    return true;
}

static const struct grant *find_name(const struct grant_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    }
    return NULL;
}

bool grant_list_has(const struct grant_list *list, const char *name)
{
    return find_name(list, name) != NULL;
}

static struct grant *list_grow(struct grant_list *list)
{
    list->items = must_realloc(list->items, (list->count + 1) * sizeof(struct grant));
    return &list->items[list->count++];
}

bool grant_add(struct grant_list *list, const char *text, struct sentence *why)
{
    const char *colon = strchr(text, ':');
    size_t word_len = colon == NULL ? strlen(text) : (size_t)(colon - text);
    const struct grant_kind *kind = kind_find(text, word_len);
    if (kind == NULL)
        return unknown_grant(text, word_len, why);
    const char *name = colon == NULL ? kind->word : colon + 1;
    if (!grant_name_check(name, why))
        return false;
    if (find_name(list, name) != NULL)
        return sentence_say(why, "two grants are called '%s'. Give one another name: --grant %s:OTHER", name,
                            kind->word);
    struct grant *grant = list_grow(list);
    grant->kind = kind;
    strcpy(grant->name, name); /* grant_name_check measured it */
    return true;
}

/* Who takes what is typed: the terminal server, or the program itself. */
static bool takes_input(const struct grant_list *list, bool through_server)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind->source == CAP_KERNEL_CAP_CONSOLE_INPUT &&
            (list->items[i].kind->export != NULL) == through_server)
            return true;
    return false;
}

bool grant_needs_terminal(const struct grant_list *list)
{
    return takes_input(list, true);
}

void grant_add_defaults(struct grant_list *list)
{
    static const char *const defaults[] = {"console", "memory"};
    struct grant_list all = {0};
    struct sentence why;
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (find_name(list, defaults[i]) == NULL)
            (void)grant_add(&all, defaults[i], &why); /* known word, fresh name: cannot fail */
    }
    for (size_t i = 0; i < list->count; i++)
        *list_grow(&all) = list->items[i];
    grant_list_free(list);
    *list = all;
}

/* Who hands them on gets each object once, with those that the tracer (package_tracer.c) has itself. */
static size_t tracer_holds(const struct grant_list *list)
{
    static const char *const own[] = {"spawner", "tracer", "logsink"};
    size_t count = sizeof own / sizeof own[0];
    for (size_t i = 0; i < list->count; i++) {
        const struct grant_kind *kind = list->items[i].kind;
        bool held = kind->own;
        for (size_t j = 0; j < sizeof own / sizeof own[0]; j++)
            held = held || strcmp(kind->word, own[j]) == 0;
        for (size_t j = 0; j < i; j++)
            held = held || list->items[j].kind == kind;
        count += held ? 0 : 1;
    }
    return count;
}

static bool check_handed(const struct grant_list *list, size_t folders, struct sentence *why)
{
    size_t handed = folders;
    for (size_t i = 0; i < list->count; i++)
        handed += list->items[i].kind->own ? 0 : 1;
    if (handed <= CAPOS_CALL_CAPS_MAX)
        return true;
    return sentence_say(
        why,
        "these are %zu grants, and a new process can be handed at most %u (memory and capabilities, "
        "which are its own, do not count; console and folders do)",
        handed, CAPOS_CALL_CAPS_MAX);
}

bool grant_list_check(const struct grant_list *list, size_t folders, bool trace, struct sentence *why)
{
    if (takes_input(list, true) && takes_input(list, false))
        return sentence_say(why,
                            "--grant input would take what is typed from the terminal server that --grant "
                            "terminal and --grant stdio start. Leave one of them out");
    if (!check_handed(list, folders, why))
        return false;
    size_t held = tracer_holds(list) + folders;
    return !trace || held <= CAPOS_CALL_CAPS_MAX ||
           sentence_say(why,
                        "the tracer would be handed %zu capabilities, three of them its own, and a new "
                        "process can be handed at most %u. Leave some out, or trace without",
                        held, CAPOS_CALL_CAPS_MAX);
}

void grant_list_free(struct grant_list *list)
{
    free(list->items);
    *list = (struct grant_list){0};
}
