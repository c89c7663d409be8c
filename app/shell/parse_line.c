/* Lines of the grammar in syntax.h: commands, and programs with what they are given. */
#include "parse.h"
#include <string.h>

/* ---- Programs. */

static bool parse_with(struct line *line, struct stage *stage)
{
    stage->has_with = true;
    return scan_expect(line, '{', "with") && parse_members(line, ':', '}', &stage->with, 0);
}

/* After '<', '>' or '>>', of the stage that was begun last. */
static bool parse_redirect(struct line *line, struct redirect *redirect, const char *sign)
{
    scan_spaces(line);
    uint32_t start = line->at;
    if (redirect->path.len != 0)
        return problem_set(&line->problem, start, 1, "there is a file for '%s' already", sign);
    if (!scan_argument(line, &redirect->path))
        return false;
    redirect->at = start;
    return redirect->path.len != 0 ||
           problem_set(&line->problem, line->at, 1, "expected a file's name after '%s'", sign);
}

/* *more: there was one. */
static bool parse_redirects(struct line *line, bool *more)
{
    *more = true;
    if (scan_take(line, '<')) {
        if (line->stage_count > 1)
            return problem_set(&line->problem, line->at - 1, 1, "this program reads from the pipe");
        return parse_redirect(line, &line->input, "<");
    }
    if (scan_take(line, '>')) {
        bool append = line->output.append = scan_peek(line) == '>';
        line->at += append;
        return parse_redirect(line, &line->output, append ? ">>" : ">");
    }
    *more = false;
    return true;
}

static bool add_argument(struct line *line, struct stage *stage, bool *more)
{
    struct capnp_text argument;
    scan_spaces(line);
    uint32_t start = line->at;
    bool quoted = scan_peek(line) == '"' || scan_peek(line) == '\'';
    if (!scan_argument(line, &argument))
        return false;
    *more = argument.len != 0 || quoted;
    if (*more && stage->arg_count == SYNTAX_ARGS_MAX)
        return problem_set(&line->problem, start, 1, "at most %d arguments", SYNTAX_ARGS_MAX);
    if (*more)
        stage->args[stage->arg_count++] = argument;
    return true;
}

static bool parse_stage(struct line *line)
{
    if (line->stage_count == SYNTAX_STAGES_MAX)
        return problem_set(&line->problem, line->at, 1, "at most %d programs in one pipe", SYNTAX_STAGES_MAX);
    struct stage *stage = &line->stages[line->stage_count++];
    scan_spaces(line);
    *stage = (struct stage){.at = line->at};
    if (!scan_argument(line, &stage->name))
        return false;
    if (stage->name.len == 0)
        return problem_set(&line->problem, line->at, 1, "expected a program's name");
    for (bool more = true; more;) {
        if (!stage->has_with && scan_take_word(line, "with") && !parse_with(line, stage))
            return false;
        if (!parse_redirects(line, &more) || (!more && !stage->has_with && !add_argument(line, stage, &more)))
            return false;
    }
    return true;
}

static bool parse_programs(struct line *line)
{
    do {
        if (line->output.path.len != 0)
            return problem_set(&line->problem, line->output.at, (uint32_t)line->output.path.len,
                               "what goes into a file does not go into the pipe");
        if (!parse_stage(line))
            return false;
    } while (scan_take(line, '|'));
    uint32_t end = line->at;
    if (scan_take(line, '&')) {
        if (line->command == COMMAND_TRACE)
            return problem_set(&line->problem, end, 1, "a trace is shown while it is made");
        line->command = COMMAND_SPAWN;
    }
    return line->command != COMMAND_TRACE || line->stage_count == 1 ||
           problem_set(&line->problem, line->stages[1].at, (uint32_t)line->stages[1].name.len,
                       "trace shows one program");
}

/* ---- Commands. */

const char *const syntax_commands[] = {"caps", "inspect", "call", "let",    "run",  "spawn", "trace", "jobs",
                                       "wait", "kill",    "drop", "revoke", "help", "exit",  NULL};

static bool parse_one_number(struct line *line)
{
    struct node number = {.kind = CAPNP_VALUE_INTEGER};
    const uint32_t start = line->at;
    if (!scan_number(line, &number))
        return false;
    if (number.negative)
        return problem_set(&line->problem, start, line->at - start, "expected a number that is not negative");
    line->numbers[line->number_count++] =
        (struct number_word){.value = number.magnitude, .at = start, .len = line->at - start};
    return true;
}

/* None or one; what follows it is told as for any command. */
static bool parse_number(struct line *line)
{
    scan_spaces(line);
    return line->at == line->source_len || parse_one_number(line);
}

static bool parse_numbers(struct line *line)
{
    for (scan_spaces(line); line->at < line->source_len; scan_spaces(line)) {
        if (line->number_count == SYNTAX_NUMBERS_MAX)
            return problem_set(&line->problem, line->at, 1, "there are at most %d jobs", SYNTAX_NUMBERS_MAX);
        if (!parse_one_number(line))
            return false;
    }
    return true;
}

static bool parse_named(struct line *line)
{
    scan_spaces(line);
    line->word_at = line->at;
    bool good = scan_argument(line, &line->word);
    line->word_len = line->at - line->word_at;
    return good;
}

static bool parse_inspect(struct line *line)
{
    scan_spaces(line);
    if (scan_peek(line) == '@')
        return parse_cap(line, &line->cap, 0);
    if (!parse_named(line))
        return false;
    return line->word.len != 0 || problem_set(&line->problem, line->word_at, 1,
                                              "expected a capability or an interface: inspect @timer");
}

/* A word, a capability, or one of the signs between programs. */
static bool parse_help(struct line *line)
{
    scan_spaces(line);
    uint32_t start = line->at;
    if (scan_peek(line) == '@')
        return parse_cap(line, &line->cap, 0);
    while (scan_peek(line) != '\0' && strchr("|<>&{}", scan_peek(line)) != NULL)
        line->at++;
    if (line->at != start) {
        line->word = capnp_text_n(line->source + start, line->at - start);
        line->word_at = start;
        line->word_len = line->at - start;
        return true;
    }
    return parse_named(line);
}

static bool parse_one_cap(struct line *line)
{
    return parse_cap(line, &line->cap, 0);
}

static bool parse_nothing(struct line *line)
{
    (void)line;
    return true;
}

static const struct {
    const char *word;
    enum command command;
    bool (*parse)(struct line *line);
} commands[] = {
    {"caps", COMMAND_CAPS, parse_nothing},    {"inspect", COMMAND_INSPECT, parse_inspect},
    {"call", COMMAND_CALL, parse_one_cap},    {"run", COMMAND_RUN, parse_programs},
    {"spawn", COMMAND_SPAWN, parse_programs}, {"trace", COMMAND_TRACE, parse_programs},
    {"jobs", COMMAND_JOBS, parse_nothing},    {"wait", COMMAND_WAIT, parse_numbers},
    {"kill", COMMAND_KILL, parse_numbers},    {"revoke", COMMAND_REVOKE, parse_one_cap},
    {"drop", COMMAND_DROP, parse_one_cap},    {"help", COMMAND_HELP, parse_help},
    {"exit", COMMAND_EXIT, parse_number},
};

static bool parse_command(struct line *line)
{
    scan_spaces(line);
    uint32_t start = line->at;
    if (line->at == line->source_len || scan_peek(line) == '#') {
        line->at = line->source_len;
        return true;
    }
    if (scan_peek(line) == '@') {
        line->command = COMMAND_CALL;
        return parse_one_cap(line);
    }
    struct capnp_text word = scan_name(line);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!syntax_text_is(word, commands[i].word))
            continue;
        line->command = commands[i].command;
        return commands[i].parse(line);
    }
    line->at = start;
    line->command = COMMAND_RUN;
    return parse_programs(line);
}

static bool parse_let(struct line *line)
{
    do {
        scan_spaces(line);
        uint32_t start = line->at;
        (void)scan_take(line, '@');
        struct capnp_text name = scan_name(line);
        if (name.len == 0)
            return problem_set(&line->problem, line->at, 1, "expected a name after let");
        if (line->name_count == SYNTAX_NAMES_MAX)
            return problem_set(&line->problem, start, 1, "at most %d names", SYNTAX_NAMES_MAX);
        line->names[line->name_count++] = name;
    } while (scan_take(line, ','));
    if (!scan_expect(line, '=', "the name"))
        return false;
    scan_spaces(line);
    uint32_t start = line->at;
    if (!parse_command(line))
        return false;
    return line->command == COMMAND_CALL ||
           problem_set(&line->problem, start, 1, "let takes a capability: let f = @dir.open(name = \"a\")");
}

static void begin(struct line *line, const char *source, size_t len)
{
    line->source = source;
    line->source_len = (uint32_t)len;
    line->command = COMMAND_EMPTY;
    line->name_count = line->stage_count = line->node_count = line->step_count = line->text_len = 0;
    line->names_at = line->at = line->word_at = line->word_len = 0;
    line->cap = NULL;
    line->word = capnp_text_n(NULL, 0);
    line->input = line->output = (struct redirect){0};
    line->number_count = 0;
    line->problem = (struct problem){0};
}

static bool end(struct line *line)
{
    scan_spaces(line);
    return line->at == line->source_len ||
           problem_set(&line->problem, line->at, line->source_len - line->at, "this does not belong here");
}

bool syntax_parse(struct line *line, const char *source, size_t len)
{
    begin(line, source, len <= SYNTAX_LINE_MAX ? len : 0);
    if (len > SYNTAX_LINE_MAX)
        return problem_set(&line->problem, 0, 1, "a line has at most %d bytes", SYNTAX_LINE_MAX);
    if (memchr(source, '\0', len) != NULL)
        return problem_set(&line->problem, 0, 1, "there is a NUL in the line");
    scan_spaces(line);
    uint32_t start = line->at;
    if (scan_take_word(line, "let")) {
        line->names_at = start;
        return parse_let(line) && end(line);
    }
    return parse_command(line) && end(line);
}

bool syntax_parse_with(struct line *line, const char *source, size_t len, struct node **out)
{
    begin(line, source, len <= SYNTAX_LINE_MAX ? len : 0);
    *out = NULL;
    return line->source_len == 0 || parse_members(line, ':', '\0', out, 0);
}
