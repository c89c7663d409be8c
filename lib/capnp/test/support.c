/* See support.h. */
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t random_state = 1;

static void give_up(const char *what)
{
    fprintf(stderr, "test support: %s\n", what);
    exit(1);
}

/* Runs `command`, a format for the names of an input and an output file; the output belongs to the caller. */
static char *run_tool(const char *verb, const char *file, const char *type, const void *input, size_t len,
                      size_t *len_out)
{
    char in_path[] = "/tmp/capnp-test-in-XXXXXX";
    char out_path[] = "/tmp/capnp-test-out-XXXXXX";
    int in_fd = mkstemp(in_path);
    int out_fd = mkstemp(out_path);
    if (in_fd < 0 || out_fd < 0 || write(in_fd, input, len) != (ssize_t)len)
        give_up("cannot write a temporary file");
    char command[512];
    snprintf(command, sizeof command, "capnp %s lib/capnp/test/%s %s <%s >%s", verb, file, type, in_path,
             out_path);
    if (system(command) != 0)
        give_up(command);
    off_t size = lseek(out_fd, 0, SEEK_END);
    char *output = calloc((size_t)size + 1, 1);
    if (output == NULL || pread(out_fd, output, (size_t)size, 0) != size)
        give_up("cannot read a temporary file");
    close(in_fd);
    close(out_fd);
    unlink(in_path);
    unlink(out_path);
    *len_out = (size_t)size;
    return output;
}

void *exact_copy(const void *bytes, size_t len)
{
    void *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL)
        give_up("no memory");
    if (len != 0)
        memcpy(copy, bytes, len);
    return copy;
}

void *tool_encode(const char *file, const char *type, const char *text, size_t *len_out)
{
    char *output = run_tool("encode", file, type, text, strlen(text), len_out);
    void *exact = exact_copy(output, *len_out);
    free(output);
    return exact;
}

char *tool_decode(const char *file, const char *type, const void *bytes, size_t len)
{
    size_t text_len;
    char *text = run_tool("decode --short", file, type, bytes, len, &text_len);
    if (text_len != 0 && text[text_len - 1] == '\n')
        text[text_len - 1] = 0;
    return text;
}

void random_seed(uint64_t seed)
{
    random_state = seed * 2 + 1;
}

/* splitmix64 */
uint64_t random_next(void)
{
    uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint32_t random_below(uint32_t limit)
{
    return (uint32_t)(random_next() % limit);
}
