/* See exercise.h. */
#include "exercise.h"
#include <capos/all_types_server.h>
#include <capos/errors.h>
#include <capos/manifest.h>
#include <capos/new.h>
#include <capos/old.h>
#include <capos/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_MAX = 1 << 16, CAPS = 3 };

static uint64_t first[OUTPUT_MAX / 8];
static uint64_t second[OUTPUT_MAX / 8];

static const struct cap_transfer caps[CAPS] = {
    {1, 0, CAP_DOOR_INTERFACE_ID},
    {2, 1, CAP_DOOR_INTERFACE_ID},
    {3, 0, CAP_SERVICE_INTERFACE_ID},
};

static void fail(const char *type, const char *what)
{
    fprintf(stderr, "exercise: %s: %s\n", type, what);
    abort();
}

static void compare(const char *type, int32_t len, int32_t again)
{
    if (len != again || memcmp(first, second, (size_t)len) != 0)
        fail(type, "written differently the second time");
}

/* Decode, measure, encode; then the same with what was encoded. A message that is refused, or only turns out
 * to be bad when its lists are visited, or grows beyond the output, ends early. */
#define EXERCISE(T)                                                                                  \
    static void exercise_##T(const void *bytes, size_t len)                                          \
    {                                                                                                \
        struct capnp_message message;                                                                \
        struct T value;                                                                              \
        struct cap_transfer out[CAPOS_CALL_CAPS_MAX];                                                \
        size_t count;                                                                                \
        if (T##_decode(&message, bytes, len, caps, CAPS, &value) < 0)                                \
            return;                                                                                  \
        int32_t written = T##_encode(&value, first, sizeof first, out, &count);                      \
        if (written < 0)                                                                             \
            return;                                                                                  \
        if (count > CAPOS_CALL_CAPS_MAX)                                                             \
            fail(#T, "too many capabilities");                                                       \
        message.words_left = UINT64_MAX;                                                             \
        if (T##_size(&value) != (size_t)written)                                                     \
            fail(#T, "T_size is wrong");                                                             \
        struct capnp_message reread;                                                                 \
        struct cap_transfer out_again[CAPOS_CALL_CAPS_MAX];                                          \
        struct capnp_struct root;                                                                    \
        if (capnp_message_open(&reread, first, (size_t)written, out, count, &root) < 0)              \
            fail(#T, "what was written is not opened");                                              \
        /* Lists of nothing may be longer than the traversal limit of the smaller message allows. */ \
        reread.words_left = UINT64_MAX;                                                              \
        if (T##_read(root, &value) < 0)                                                              \
            fail(#T, "what was written is not read back");                                           \
        compare(#T, written, T##_encode(&value, second, sizeof second, out_again, &count));          \
    }

EXERCISE(cap_all_types)
EXERCISE(cap_lists)
EXERCISE(cap_unions)
EXERCISE(cap_new_record)
EXERCISE(cap_old_record)
EXERCISE(cap_system_manifest)
EXERCISE(cap_crash_record)

/* The interface of a null-typed `Capability` is not kept by T_encode, so messages with capabilities are only
 * read and written once. */
static void exercise_caps(const void *bytes, size_t len)
{
    struct capnp_message message;
    struct cap_transfer out[CAPOS_CALL_CAPS_MAX];
    size_t count;
    struct cap_caps value;
    struct cap_process_spawner_spawn_params spawn;
    if (cap_caps_decode(&message, bytes, len, caps, CAPS, &value) >= 0)
        (void)cap_caps_encode(&value, first, sizeof first, out, &count);
    if (cap_process_spawner_spawn_params_decode(&message, bytes, len, caps, CAPS, &spawn) >= 0)
        (void)cap_process_spawner_spawn_params_encode(&spawn, first, sizeof first, out, &count);
}

static int32_t op_echo(void *self, struct cap_call *call, const struct cap_service_echo_params *params,
                       struct cap_service_echo_results *results)
{
    (void)self;
    (void)call;
    results->text = params->text;
    results->data = params->data;
    return 0;
}

static int32_t op_doors(void *self, struct cap_call *call, const struct cap_service_doors_params *params,
                        struct cap_service_doors_results *results)
{
    (void)self;
    (void)call;
    results->doors = params->doors;
    return 0;
}

static void exercise_dispatch(const void *bytes, size_t len)
{
    static const struct cap_service_server server = {.echo = op_echo, .doors = op_doors};
    for (uint16_t method = 0; method < 12; method++) {
        struct cap_call call;
        memset(&call, 0, sizeof call);
        call.params = bytes;
        call.params_bytes = len;
        call.caps_in = caps;
        call.caps_in_count = CAPS;
        call.results = first;
        call.results_limit = 1024;
        int32_t result = cap_service_dispatch(&server, NULL, method, &call);
        if (result > 1024 || call.caps_out_count > CAPOS_XFER_CAPS_MAX)
            fail("dispatch", "wrote more than there was room for");
    }
}

void exercise(const void *bytes, size_t len)
{
    exercise_cap_all_types(bytes, len);
    exercise_cap_lists(bytes, len);
    exercise_cap_unions(bytes, len);
    exercise_cap_new_record(bytes, len);
    exercise_cap_old_record(bytes, len);
    exercise_cap_system_manifest(bytes, len);
    exercise_cap_crash_record(bytes, len);
    exercise_caps(bytes, len);
    exercise_dispatch(bytes, len);
}
