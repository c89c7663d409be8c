/* See crash_lines.h. */
#include "crash_lines.h"
#include "host.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool crash_frame_parse(const char *line, struct crash_frame *out)
{
    return sscanf(line, "crash: #%u 0x%" SCNx64, &out->depth, &out->address) == 2;
}

uint64_t crash_base(const char *record)
{
    static const char label[] = " base 0x";
    const char *at = strstr(record, label);
    return at == NULL ? 0 : strtoull(at + strlen(label), NULL, 16);
}

/* Where the frame's call is in the file: a return address may already belong to the next line or function. */
static uint64_t file_address(const struct crash_frame *frame, uint64_t base)
{
    return frame->address - base - (frame->depth > 0 ? 1 : 0);
}

/* Debian has the tool under a versioned name as well; false if there is none. */
static bool find_symbolizer(struct words *argv)
{
    static const char *const names[] = {"llvm-symbolizer", "llvm-symbolizer-14", "llvm-symbolizer-15",
                                        "llvm-symbolizer-16"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (command_exists(names[i])) {
            words_add(argv, names[i]);
            return true;
        }
    }
    return false;
}

/* Next line of the text without its newline, copied; null at the end. */
static char *next_line(const char **text)
{
    if (**text == '\0')
        return NULL;
    size_t len = strcspn(*text, "\n");
    char *line = must_copy(*text, len);
    *text += len + ((*text)[len] == '\n');
    return line;
}

/* Asks for all frames at once; the answer has one `FILE:LINE` a line. */
static bool ask_symbolizer(const char *record, const char *elf_path, struct buffer *answer)
{
    struct words argv = {0};
    struct crash_frame frame;
    uint64_t base = crash_base(record);
    bool any = false;
    if (find_symbolizer(&argv)) {
        words_add(&argv, "--output-style=GNU");
        words_add(&argv, "--functions=none");
        words_add(&argv, "--no-inlines");
        words_addf(&argv, "--obj=%s", elf_path);
        for (char *line; (line = next_line(&record)) != NULL; free(line)) {
            if (!crash_frame_parse(line, &frame))
                continue;
            words_addf(&argv, "0x%" PRIx64, file_address(&frame, base));
            any = true;
        }
    }
    struct buffer errors = {0};
    bool ok = any && command_run(&argv, answer, &errors) == 0;
    buffer_free(&errors);
    words_free(&argv);
    return ok;
}

static const char *strip_directory(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return len > 0 && strncmp(path, directory, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

/* Names below the working directory are shown from there, names in the capOS tree from its top. */
static const char *shorten(const char *path)
{
    char here[PATH_MAX];
    const char *shown = getcwd(here, sizeof(here)) == NULL ? path : strip_directory(path, here);
    return strip_directory(shown, host_root());
}

void crash_add_lines(const char *record, const char *elf_path, struct buffer *out)
{
    struct buffer answer = {0};
    struct crash_frame frame;
    if (!ask_symbolizer(record, elf_path, &answer))
        answer.size = 0;
    const char *sources = answer.size > 0 ? answer.data : "";
    for (char *line; (line = next_line(&record)) != NULL; free(line)) {
        buffer_text(out, line);
        char *source = crash_frame_parse(line, &frame) ? next_line(&sources) : NULL;
        if (source != NULL && strstr(source, "??") == NULL && strstr(source, ":0") == NULL)
            buffer_printf(out, " (%s)", shorten(source));
        free(source);
        buffer_text(out, "\n");
    }
    buffer_free(&answer);
}
