/* Fuzzing: any bytes as a line of the shell, evaluated against a system that answers with what it was sent.
 */
#include "commands.h"
#include <capos/fs.h>
#include <capos/process.h>
#include <capos/system.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint32_t held_caps;

/* The parameters come back as results, and one capability with them: both mean nothing to the method called.
 */
static int32_t invoke(void *self, uint32_t cap_id, uint16_t method_id, struct cap_message *message)
{
    (void)self;
    (void)cap_id;
    memcpy(message->results, message->params, message->params_bytes);
    message->results_bytes = message->params_bytes;
    message->caps_in[0] = (struct cap_transfer){.id = 77, .interface_id = CAP_DIRECTORY_INTERFACE_ID};
    message->caps_in_count = method_id % 2;
    held_caps += (uint32_t)message->caps_in_count;
    return (int32_t)message->results_bytes;
}

static void release(void *self, uint32_t cap_id)
{
    (void)self;
    if (cap_id == 0 || held_caps == 0)
        abort();
    held_caps--;
}

static const char *why(void *self, int32_t result)
{
    (void)self;
    (void)result;
    return "no";
}

static uint64_t interface_named(void *self, struct capnp_text name)
{
    (void)self;
    return name.len % 2 == 0 ? CAP_FILE_INTERFACE_ID : 0;
}

static void write_out(void *self, const char *bytes, size_t len)
{
    uint8_t *sum = self;
    for (size_t i = 0; i < len; i++)
        *sum = (uint8_t)(*sum + (uint8_t)bytes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint64_t interfaces[] = {CAP_DIRECTORY_INTERFACE_ID, CAP_PROCESS_SPAWNER_INTERFACE_ID,
                                          CAP_CAPABILITY_MANAGER_INTERFACE_ID, CAP_FILE_INTERFACE_ID};
    static const char *const called[] = {"d", "p", "c", "f"};
    static struct line line;
    static struct eval eval;
    struct names names = {.count = 0};
    struct held old;
    uint8_t sum = 0;
    const struct shell_system system = {.schema = capnp_schema_built_in,
                                        .interface_named = interface_named,
                                        .invoke = invoke,
                                        .release = release,
                                        .why = why,
                                        .write = write_out,
                                        .self = &sum};
    char *copy = malloc(size + 1); /* its own block, so that a byte too far is seen */
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, size);
    held_caps = 4;
    for (size_t i = 0; i < 4; i++)
        (void)names_bind(&names, capnp_text_of(called[i]),
                         (struct held){.id = (uint32_t)i + 1, .interface_id = interfaces[i]}, "granted",
                         &old);
    bool handled;
    eval_begin(&eval, &system, &names, &line);
    if (!syntax_parse(&line, copy, size) || !commands_run(&eval, &handled)) {
        if (line.problem.text[0] == '\0' || line.problem.at > size)
            abort();
        commands_show_problem(&eval);
    }
    eval_end(&eval);
    free(copy);
    return 0;
}
