/* See manifest_file.h. */
#include "manifest_file.h"
#include "host.h"
#include "json_manifest.h"
#include "package.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In front of a JSON manifest's text; one line, so that line N of the JSON is line N + 1. */
static const char json_head[] = "@0xd4b1a0c8e2f36975; using M = import \"/schema/manifest.capnp\"; "
                                "const manifest :M.SystemManifest =\n";
enum { JSON_HEAD_LINES = 1 };

/* `capnp eval FILE manifest`. Absolute names in it are looked for in the repository (schemas), beside the
 * manifest, among the programs that were built, and on this machine. */
static int evaluate(const char *path, const char *beside, struct buffer *package, struct buffer *errors)
{
    struct words argv = {0};
    words_add(&argv, "capnp");
    words_add(&argv, "eval");
    words_addf(&argv, "-I%s", host_root());
    words_addf(&argv, "-I%s", beside);
    words_addf(&argv, "-I%s/build/programs", host_root());
    words_add(&argv, "-I/");
    words_add(&argv, "-obinary");
    words_add(&argv, path);
    words_add(&argv, "manifest");
    int status = command_run(&argv, package, errors);
    words_free(&argv);
    return status;
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return must_copy(".", 1);
    return slash == path ? must_copy("/", 1) : must_copy(path, (size_t)(slash - path));
}

static bool no_capnp(void)
{
    complain("the capnp command does not run (%s). Install it: apt-get install capnproto", strerror(errno));
    return false;
}

/* --- the compiler's complaints
 * --------------------------------------------------------------------------------- */

struct diagnostic {
    size_t line;
    size_t column;
    const char *message; /* into the text; up to the end of the line */
    int message_len;
};

/* The next line of `FILE:LINE:COLUMN[-COLUMN]: error: MESSAGE`; false at the end. Other lines are passed
 * over. */
static bool next_diagnostic(const char **text, const char *file, struct diagnostic *out)
{
    while (**text != '\0') {
        const char *line = *text, *end = strchrnul(line, '\n');
        *text = *end == '\0' ? end : end + 1;
        const char *name = strstr(line, file); /* the compiler shortens the directory in front of it */
        if (name == NULL || name > end || name[strlen(file)] != ':')
            continue;
        char *after;
        out->line = strtoul(name + strlen(file) + 1, &after, 10);
        out->column = *after == ':' ? strtoul(after + 1, &after, 10) : 1;
        const char *message = strstr(after, "error: ");
        if (message == NULL || message > end)
            continue;
        out->message = message + strlen("error: ");
        out->message_len = (int)(end - out->message);
        return true;
    }
    return false;
}

/* --- .capnp
 * ------------------------------------------------------------------------------------------------------ */

static void report_capnp(const char *path, const char *errors)
{
    if (strstr(errors, "'manifest' is not defined") != NULL && strstr(errors, "error:") == NULL) {
        complain("%s holds no constant called manifest. It must hold one:\n"
                 "    using M = import \"/schema/manifest.capnp\";\n"
                 "    const manifest :M.SystemManifest = (...);",
                 path);
        return;
    }
    complain("%s has mistakes:\n%s", path, errors);
    if (strstr(errors, "embed") != NULL || strstr(errors, "ouldn't read") != NULL)
        complain("programs that capOS builds are embedded as \"/NAME.elf\"; `make` builds them");
}

static bool load_capnp(const char *path, struct buffer *package)
{
    struct buffer errors = {0};
    char *beside = directory_of(path);
    int status = evaluate(path, beside, package, &errors);
    if (status < 0)
        no_capnp();
    else if (status != 0)
        report_capnp(path, buffer_string(&errors));
    free(beside);
    buffer_free(&errors);
    return status == 0;
}

/* --- .json
 * ------------------------------------------------------------------------------------------------------- */

struct json_run {
    const char *shown;     /* the file's name for the user */
    const char *source;    /* the text that the JSON was exported from; null: the JSON is the file itself */
    const char *temporary; /* the file that the compiler reads */
    const char *base_name; /* of it */
    const char *beside;
    struct json_manifest manifest;
};

static int json_evaluate(struct json_run *run, struct buffer *package, struct buffer *errors)
{
    struct buffer text = {0};
    buffer_text(&text, json_head);
    buffer_append(&text, run->manifest.text.data, run->manifest.text.size);
    buffer_text(&text, ";\n");
    bool written = file_write(run->temporary, text.data, text.size);
    buffer_free(&text);
    package->size = 0;
    errors->size = 0;
    return written ? evaluate(run->temporary, run->beside, package, errors) : -1;
}

/* Where the schema wants an enumerant or a number, JSON has a string: true if any could be turned into one.
 */
static bool json_mend(struct json_run *run, const char *errors)
{
    struct diagnostic found;
    bool mended = false;
    while (next_diagnostic(&errors, run->base_name, &found)) {
        if (strncmp(found.message, "Type mismatch", strlen("Type mismatch")) == 0 &&
            found.line > JSON_HEAD_LINES &&
            json_manifest_unquote(&run->manifest, found.line - JSON_HEAD_LINES, found.column))
            mended = true;
    }
    return mended;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '$';
}

/* The line of the source on which the word stands, if it stands there exactly once in all of it; otherwise 0.
 */
static size_t only_line_with(const char *source, const char *word)
{
    size_t len = strlen(word), line = 1, found = 0;
    for (const char *at = source; len > 0 && *at != '\0'; at++) {
        line += *at == '\n';
        if (strncmp(at, word, len) != 0 || is_word_char(at[len]) || (at > source && is_word_char(at[-1])))
            continue;
        if (found != 0)
            return 0;
        found = line;
    }
    return found;
}

/* A position in exported JSON says nothing about the file that was exported; the word found wrong often does.
 */
static void report_place(const struct json_run *run, size_t line, size_t column)
{
    if (run->source == NULL) {
        fprintf(stderr, "%s:%zu:%zu: ", run->shown, line, column);
        return;
    }
    char *word = json_manifest_word(&run->manifest, line, column);
    size_t source_line = only_line_with(run->source, word);
    if (source_line > 0)
        fprintf(stderr, "%s:%zu: ", run->shown, source_line);
    else
        fprintf(stderr, "%s: ", run->shown);
    free(word);
}

static void json_report(const struct json_run *run, const char *errors)
{
    struct diagnostic found;
    const char *rest = errors;
    bool any = false;
    complain("%s has mistakes:", run->shown);
    while (next_diagnostic(&rest, run->base_name, &found)) {
        size_t line = found.line > JSON_HEAD_LINES ? found.line - JSON_HEAD_LINES : 1;
        const char *field = json_manifest_field(&run->manifest, line, found.column);
        report_place(run, line, found.column);
        fprintf(stderr, "%s%s%.*s\n", field, field[0] == '\0' ? "" : ": ", found.message_len, found.message);
        any = true;
    }
    if (!any)
        fputs(errors, stderr);
}

static bool json_convert(struct json_run *run, const struct buffer *json, struct buffer *package)
{
    struct sentence why;
    struct buffer errors = {0};
    if (!json_manifest_read(json->data, json->size, &run->manifest, &why)) {
        complain("%s:%s", run->shown, why.text);
        return false;
    }
    int status = json_evaluate(run, package, &errors);
    if (status > 0 && json_mend(run, buffer_string(&errors)))
        status = json_evaluate(run, package, &errors);
    if (status < 0)
        no_capnp();
    else if (status != 0)
        json_report(run, buffer_string(&errors));
    buffer_free(&errors);
    return status == 0;
}

static bool load_json_text(const char *shown, const char *source, const struct buffer *json,
                           struct buffer *package)
{
    char *directory = host_path("build/run");
    char *temporary = must_printf("%s/manifest-%d.capnp", directory, (int)getpid());
    char *beside_relative = directory_of(shown);
    char *beside = realpath(beside_relative, NULL);
    struct json_run run = {
        .shown = shown,
        .source = source,
        .temporary = temporary,
        .base_name = strrchr(temporary, '/') + 1,
        .beside = beside == NULL ? "." : beside,
    };
    bool ok = directory_make(directory) && json_convert(&run, json, package);
    unlink(temporary);
    json_manifest_free(&run.manifest);
    free(beside);
    free(beside_relative);
    free(temporary);
    free(directory);
    return ok;
}

static bool load_json(const char *path, struct buffer *package)
{
    struct buffer json = {0};
    bool ok = file_read(path, &json) && load_json_text(path, NULL, &json, package);
    buffer_free(&json);
    return ok;
}

/* --- .cue
 * -------------------------------------------------------------------------------------------------------- */

/* tool/cue runs the cue on the PATH, or the packaged one, or says what is missing. */
static bool load_cue(const char *path, struct buffer *package)
{
    struct buffer json = {0}, errors = {0}, source = {0};
    struct words argv = {0};
    words_addf(&argv, "%s/tool/cue", host_root());
    words_add(&argv, path);
    int status = command_run(&argv, &json, &errors);
    if (status < 0)
        complain("%s does not run: %s", argv.items[0], strerror(errno));
    else if (status != 0)
        complain("%s has mistakes:\n%s", path, buffer_string(&errors));
    bool ok = status == 0 && file_read(path, &source) && load_json_text(path, source.data, &json, package);
    buffer_free(&source);
    words_free(&argv);
    buffer_free(&json);
    buffer_free(&errors);
    return ok;
}

/* -----------------------------------------------------------------------------------------------------------------
 */

static bool load_package(const char *path, struct buffer *package)
{
    return file_read(path, package);
}

static const struct {
    const char *suffix;
    bool (*load)(const char *path, struct buffer *package);
} formats[] = {{".capnp", load_capnp}, {".json", load_json}, {".cue", load_cue}, {".package", load_package}};

bool manifest_load(const char *path, struct buffer *package)
{
    struct sentence why;
    if (access(path, R_OK) != 0) {
        complain("%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        size_t len = strlen(path), suffix = strlen(formats[i].suffix);
        if (len <= suffix || strcmp(path + len - suffix, formats[i].suffix) != 0)
            continue;
        if (!formats[i].load(path, package))
            return false;
        if (package_check(package, &why))
            return true;
        complain("%s: %s", path, why.text);
        return false;
    }
    complain("%s: a manifest's name ends in .capnp, .json, .cue or .package", path);
    return false;
}
