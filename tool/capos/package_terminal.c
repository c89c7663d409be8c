/* See package_terminal.h. */
#include "package_terminal.h"
#include "grants.h"

#define TEXT(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }
#define LIST(array) CAPNP_LIST(array, sizeof(array) / sizeof((array)[0]))
#define CAP(word, object)                         \
    {                                             \
        .name = TEXT(word), .source = {           \
            .which = CAP_CAP_GRANT_SOURCE_KERNEL, \
            .kernel = CAP_KERNEL_CAP_##object     \
        }                                         \
    }

static const char server_name[] = "capos-terminal"; /* no program of a person is called so (package.c) */

static const struct cap_cap_grant caps[] = {
    CAP("console", CONSOLE),       CAP("input", CONSOLE_INPUT),    CAP("timer", TIMER),
    CAP("memory", VIRTUAL_MEMORY), CAP("threads", THREAD_SPAWNER), CAP("thread", THREAD_CONTROL),
    CAP("park", PARK_SPACE),
};

static const struct cap_export exports[] = {
    {.name = TEXT("terminal"), .serves = TEXT("TerminalSession")},
    {.name = TEXT("stdio"), .serves = TEXT("StdIO")},
};

struct cap_program terminal_part_service(void)
{
    return (struct cap_program){
        .name = capnp_text_of(server_name),
        .binary = capnp_text_of(server_name),
        .caps = LIST(caps),
        .exports = LIST(exports),
        .has_budget = true,
        .budget = {.frames = TERMINAL_PART_FRAMES,
                   .cap_slots = 1024,
                   .threads = 32,
                   .calls = 1024,
                   .kernel_bytes = TERMINAL_PART_KERNEL_BYTES},
    };
}

struct cap_binary terminal_part_binary(const struct buffer *server)
{
    return (struct cap_binary){.name = capnp_text_of(server_name),
                               .data = {(const uint8_t *)server->data, server->size}};
}

/* Tag 0 is the first session, and the first StdIO of that. */
struct cap_cap_grant_source terminal_part_source(const struct grant_kind *kind)
{
    struct cap_cap_grant_source source = {.which = CAP_CAP_GRANT_SOURCE_SERVICE, .has_service = true};
    source.service = (struct cap_export_ref){.service = capnp_text_of(server_name),
                                             .export_ = capnp_text_of(kind->export)};
    return source;
}

bool terminal_part_needs(enum cap_kernel_cap source)
{
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
        if (caps[i].source.kernel == source)
            return true;
    return source == CAP_KERNEL_CAP_IPC_FACTORY; /* for the endpoints */
}
