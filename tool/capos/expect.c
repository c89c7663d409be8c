/* See expect.h. */
#include "expect.h"
#include "number.h"
#include <stdlib.h>
#include <string.h>

enum { CPUS_MAX = 255, TIMEOUT_MAX_S = 3600, NEAREST_MAX_BYTES = 200 };

static size_t trimmed_len(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    return len;
}

/* Splits into trimmed lines. A NUL byte would end a C string early, so it becomes a `?`. */
static void split_lines(const char *text, size_t size, struct words *lines)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t len = end == NULL ? size : (size_t)(end - text);
        char *line = must_copy(text, trimmed_len(text, len));
        for (size_t i = 0; i < trimmed_len(text, len); i++)
            line[i] = line[i] == '\0' ? '?' : line[i];
        words_add(lines, line);
        free(line);
        size -= end == NULL ? len : len + 1;
        text += end == NULL ? len : len + 1;
    }
}

static bool parse_exit(struct expect *out, const char *value, struct sentence *why)
{
    char *end;
    out->exit_code = strtoll(value, &end, 10);
    return (end != value && *end == '\0') || sentence_say(why, "%%exit needs a number, not '%s'", value);
}
static bool parse_cpus(struct expect *out, const char *value, struct sentence *why)
{
    return number_parse(value, "%cpus", 1, CPUS_MAX, &out->cpus, why);
}
static bool parse_memory(struct expect *out, const char *value, struct sentence *why)
{
    return memory_size_parse(value, &out->memory_mib, why);
}
static bool parse_timeout(struct expect *out, const char *value, struct sentence *why)
{
    return number_parse(value, "%timeout", 1, TIMEOUT_MAX_S, &out->timeout_s, why);
}

static bool parse_directive(struct expect *out, const char *line, struct sentence *why)
{
    static const struct {
        const char *name;
        bool (*parse)(struct expect *out, const char *value, struct sentence *why);
    } directives[] = {{"%exit ", parse_exit},
                      {"%cpus ", parse_cpus},
                      {"%memory ", parse_memory},
                      {"%timeout ", parse_timeout}};
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        size_t len = strlen(directives[i].name);
        if (strncmp(line, directives[i].name, len) == 0)
            return directives[i].parse(out, line + len + strspn(line + len, " "), why);
    }
    return sentence_say(why, "'%s' is none of %%exit N, %%cpus N, %%memory SIZE, %%timeout S", line);
}

static bool compile_regex(struct expectation *item, struct sentence *why)
{
    size_t len = strlen(item->text);
    item->is_regex = len >= 2 && item->text[0] == '/' && item->text[len - 1] == '/';
    if (!item->is_regex)
        return true;
    char *pattern = must_copy(item->text + 1, len - 2);
    int error = regcomp(&item->regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (error != 0) {
        char reason[128];
        regerror(error, &item->regex, reason, sizeof(reason));
        item->is_regex = false; /* nothing to free */
        sentence_say(why, "%s is not a regular expression: %s", item->text, reason);
    }
    free(pattern);
    return error == 0;
}

static bool parse_expectation(struct expect *out, const char *line, unsigned number, struct sentence *why)
{
    out->items = must_realloc(out->items, (out->count + 1) * sizeof(struct expectation));
    struct expectation *item = &out->items[out->count++];
    bool forbidden = line[0] == '!' && line[1] != '\0';
    const char *text = forbidden ? line + 1 : line;
    *item = (struct expectation){
        .text = must_copy(text, strlen(text)), .line_number = number, .forbidden = forbidden};
    return compile_regex(item, why);
}

static bool parse_line(struct expect *out, const char *line, unsigned number, struct sentence *why)
{
    if (line[0] == '\0' || line[0] == '#')
        return true;
    if (line[0] == '%' && out->count == 0)
        return parse_directive(out, line, why);
    return parse_expectation(out, line, number, why);
}

bool expect_parse(const char *file, const char *text, size_t size, struct expect *out, struct sentence *why)
{
    struct words lines = {0};
    bool ok = true;
    *out = (struct expect){.timeout_s = EXPECT_TIMEOUT_DEFAULT_S};
    split_lines(text, size, &lines);
    for (size_t i = 0; ok && i < lines.count; i++) {
        struct sentence reason;
        ok = parse_line(out, lines.items[i], (unsigned)i + 1, &reason);
        if (!ok)
            sentence_say(why, "%s:%zu: %.900s", file, i + 1, reason.text);
    }
    words_free(&lines);
    if (ok && out->count == 0)
        ok = sentence_say(why, "%s: expects nothing at all; write at least one line", file);
    return ok;
}

static bool matches(const struct expectation *item, const char *line)
{
    return item->is_regex ? regexec(&item->regex, line, 0, NULL, 0) == 0 : strstr(line, item->text) != NULL;
}

/* Length of the longest common subsequence, over bounded prefixes: how alike two lines are. */
static size_t likeness(const char *a, const char *b)
{
    size_t row[NEAREST_MAX_BYTES + 1] = {0};
    size_t a_len = strnlen(a, NEAREST_MAX_BYTES), b_len = strnlen(b, NEAREST_MAX_BYTES);
    for (size_t i = 0; i < a_len; i++) {
        size_t diagonal = 0;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            if (a[i] == b[j - 1])
                row[j] = diagonal + 1;
            else if (row[j - 1] > above)
                row[j] = row[j - 1];
            diagonal = above;
        }
    }
    return row[b_len];
}

/* The most alike line, if it shares at least half of the expectation; line count otherwise. */
static size_t nearest_line(const struct expectation *item, const struct words *lines, size_t from)
{
    size_t best = lines->count, best_score = strlen(item->text) / 2;
    for (size_t i = from; i < lines->count; i++) {
        size_t score = likeness(item->text, lines->items[i]);
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static void report_missing(const struct expectation *item, const struct words *lines, size_t from,
                           struct buffer *report)
{
    buffer_printf(report, "line %u of the transcript did not come: %s\n", item->line_number, item->text);
    size_t nearest = nearest_line(item, lines, from);
    if (nearest < lines->count)
        buffer_printf(report, "  nearest to it was output line %zu: %s\n", nearest + 1,
                      lines->items[nearest]);
    for (size_t i = 0; i < from; i++) {
        if (matches(item, lines->items[i])) {
            buffer_printf(report, "  it did come earlier, as output line %zu: the order is wrong\n", i + 1);
            break;
        }
    }
}

/* The expectations that must come, in order. */
static bool check_required(const struct expect *expect, const struct words *lines, struct buffer *report)
{
    size_t next = 0;
    for (size_t i = 0; i < expect->count; i++) {
        const struct expectation *item = &expect->items[i];
        if (item->forbidden)
            continue;
        size_t at = next;
        while (at < lines->count && !matches(item, lines->items[at]))
            at++;
        if (at == lines->count) {
            report_missing(item, lines, next, report);
            return false;
        }
        next = at + 1;
    }
    return true;
}

static bool check_forbidden(const struct expect *expect, const struct words *lines, struct buffer *report)
{
    bool ok = true;
    for (size_t i = 0; i < lines->count; i++) {
        if (strstr(lines->items[i], "panic:") != NULL) {
            buffer_printf(report, "the kernel panicked: %s\n", lines->items[i]);
            ok = false;
        }
        for (size_t j = 0; j < expect->count; j++) {
            const struct expectation *item = &expect->items[j];
            if (!item->forbidden || !matches(item, lines->items[i]))
                continue;
            buffer_printf(report, "line %u of the transcript forbids output line %zu: %s\n",
                          item->line_number, i + 1, lines->items[i]);
            ok = false;
        }
    }
    return ok;
}

bool expect_compare(const struct expect *expect, const char *output, size_t size, struct buffer *report)
{
    struct words lines = {0};
    split_lines(output, size, &lines);
    bool required = check_required(expect, &lines, report);
    bool allowed = check_forbidden(expect, &lines, report);
    words_free(&lines);
    return required && allowed;
}

void expect_free(struct expect *expect)
{
    for (size_t i = 0; i < expect->count; i++) {
        if (expect->items[i].is_regex)
            regfree(&expect->items[i].regex);
        free(expect->items[i].text);
    }
    free(expect->items);
    *expect = (struct expect){0};
}
