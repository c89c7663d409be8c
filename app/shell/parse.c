/* The grammar of syntax.h. Values nest, so value and members call each other: at most SYNTAX_DEPTH_MAX deep.
 */
#include "scan.h"
#include <string.h>

static bool parse_value(struct line *line, struct node **out, unsigned depth);

static struct node *new_node(struct line *line, enum capnp_value_kind kind)
{
    if (line->node_count == SYNTAX_NODES_MAX) {
        (void)problem_set(&line->problem, line->at, 1, "too many values in one line");
        return NULL;
    }
    struct node *node = &line->nodes[line->node_count++];
    memset(node, 0, sizeof *node);
    node->kind = kind;
    node->at = line->at;
    return node;
}

/* ---- Members: `a = 1, 2, b = [3]` up to the closing character. */

/* NAME followed by the separator; otherwise nothing is taken. */
static struct capnp_text member_name(struct line *line, char separator)
{
    uint32_t start = line->at;
    struct capnp_text name = scan_name(line);
    if (name.len != 0 && scan_take(line, separator))
        return name;
    line->at = start;
    return capnp_text_n(NULL, 0);
}

/* What separates a name from its value: '=' in arguments and structs, ':' in `with`, 0 in lists. */
static bool parse_members(struct line *line, char separator, char closing, struct node **out, unsigned depth)
{
    struct node **link = out;
    *out = NULL;
    if (scan_take(line, closing))
        return true;
    for (;;) {
        scan_spaces(line);
        uint32_t start = line->at;
        struct capnp_text name = {NULL, 0};
        if (separator != '\0')
            name = member_name(line, separator);
        if (separator == ':' && name.len == 0)
            return problem_set(&line->problem, start, 1, "expected a name and ':', as in { out: @console }");
        if (!parse_value(line, link, depth + 1))
            return false;
        (*link)->name = name;
        link = &(*link)->next;
        if (scan_take(line, closing) || (closing == '\0' && line->at == line->source_len))
            return true;
        if (!scan_take(line, ','))
            return problem_set(&line->problem, line->at, 1, "expected ',' or '%c'", closing);
    }
}

/* ---- Capabilities. */

static struct step *new_step(struct line *line, enum step_kind kind, uint32_t at)
{
    if (line->step_count == SYNTAX_STEPS_MAX) {
        (void)problem_set(&line->problem, line->at, 1, "too many calls in one line");
        return NULL;
    }
    struct step *step = &line->steps[line->step_count++];
    *step = (struct step){.kind = kind, .at = at};
    return step;
}

static bool parse_call(struct line *line, struct step **out, unsigned depth)
{
    uint32_t start = line->at;
    struct capnp_text method = scan_name(line);
    if (method.len == 0)
        return problem_set(&line->problem, line->at, 1, "expected a method's name after '.'");
    struct step *step = new_step(line, STEP_CALL, start);
    if (step == NULL)
        return false;
    step->method = method;
    step->len = (uint32_t)method.len;
    *out = step;
    return scan_expect(line, '(', "a method's name") && parse_members(line, '=', ')', &step->args, depth + 1);
}

static bool parse_steps(struct line *line, struct step **link, unsigned depth)
{
    for (;; link = &(*link)->next) {
        scan_spaces(line);
        uint32_t start = line->at;
        if (scan_take(line, '.')) {
            if (!parse_call(line, link, depth))
                return false;
            continue;
        }
        enum step_kind kind = STEP_READONLY;
        if (scan_take_word(line, "revocable"))
            kind = STEP_REVOCABLE;
        else if (!scan_take_word(line, "readonly"))
            return true;
        *link = new_step(line, kind, start);
        if (*link == NULL)
            return false;
        (*link)->len = line->at - start;
    }
}

static bool parse_cap(struct line *line, struct node **out, unsigned depth)
{
    scan_spaces(line);
    struct node *node = new_node(line, CAPNP_VALUE_CAP);
    if (node == NULL)
        return false;
    if (!scan_take(line, '@'))
        return problem_set(&line->problem, line->at, 1, "expected a capability, as in @timer");
    uint32_t start = line->at;
    node->text = scan_name(line);
    if (node->text.len == 0 || line->at - start != node->text.len)
        return problem_set(&line->problem, start, 1, "expected a capability's name after '@'");
    node->len = line->at - node->at;
    *out = node;
    return parse_steps(line, &node->steps, depth);
}

/* ---- Values. */

static bool parse_word(struct line *line, struct node *node)
{
    struct capnp_text word = scan_name(line);
    if (word.len == 0)
        return problem_set(&line->problem, line->at, 1, "expected a value");
    node->text = word;
    node->kind = CAPNP_VALUE_WORD;
    if (syntax_text_is(word, "null"))
        node->kind = CAPNP_VALUE_NULL;
    if (syntax_text_is(word, "true") || syntax_text_is(word, "false"))
        node->kind = CAPNP_VALUE_BOOL;
    node->magnitude = syntax_text_is(word, "true");
    return true;
}

static bool parse_literal(struct line *line, struct node *node, unsigned depth)
{
    char c = scan_peek(line);
    bool hex = line->source_len - line->at > 2 && memcmp(line->source + line->at, "0x\"", 3) == 0;
    if (c == '"') {
        node->kind = CAPNP_VALUE_TEXT;
        return scan_text(line, &node->text);
    }
    if (hex) {
        node->kind = CAPNP_VALUE_DATA;
        return scan_hex(line, &node->text);
    }
    if (c == '[' || c == '(') {
        line->at++;
        node->kind = c == '[' ? CAPNP_VALUE_LIST : CAPNP_VALUE_STRUCT;
        return parse_members(line, c == '[' ? '\0' : '=', c == '[' ? ']' : ')', &node->first, depth);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(line, node);
    return parse_word(line, node);
}

static bool parse_value(struct line *line, struct node **out, unsigned depth)
{
    if (depth > SYNTAX_DEPTH_MAX)
        return problem_set(&line->problem, line->at, 1, "nested too deep");
    scan_spaces(line);
    if (scan_peek(line) == '@')
        return parse_cap(line, out, depth);
    struct node *node = new_node(line, CAPNP_VALUE_NULL);
    if (node == NULL)
        return false;
    bool good = parse_literal(line, node, depth);
    node->len = line->at - node->at;
    *out = node;
    return good;
}

/* ---- Programs. */

static bool parse_with(struct line *line, struct stage *stage)
{
    stage->has_with = true;
    return scan_expect(line, '{', "with") && parse_members(line, ':', '}', &stage->with, 0);
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
    for (;;) {
        struct capnp_text argument;
        if (scan_take_word(line, "with"))
            return parse_with(line, stage);
        scan_spaces(line);
        bool quoted = scan_peek(line) == '"';
        uint32_t start = line->at;
        if (!scan_argument(line, &argument))
            return false;
        if (argument.len == 0 && !quoted)
            return true;
        if (stage->arg_count == SYNTAX_ARGS_MAX)
            return problem_set(&line->problem, start, 1, "at most %d arguments", SYNTAX_ARGS_MAX);
        stage->args[stage->arg_count++] = argument;
    }
}

static bool parse_programs(struct line *line)
{
    do {
        if (!parse_stage(line))
            return false;
    } while (scan_take(line, '|'));
    if (scan_take(line, '>')) {
        scan_spaces(line);
        line->redirect_at = line->at;
        if (!scan_argument(line, &line->redirect))
            return false;
        if (line->redirect.len == 0)
            return problem_set(&line->problem, line->at, 1, "expected a file's name after '>'");
    }
    if (scan_take(line, '&'))
        line->command = COMMAND_SPAWN;
    return true;
}

/* ---- Commands. */

const char *const syntax_commands[] = {"caps", "inspect", "call", "let",  "run",    "spawn", "jobs",
                                       "wait", "kill",    "drop", "help", "revoke", "exit",  NULL};

static bool parse_number(struct line *line)
{
    struct node number = {.kind = CAPNP_VALUE_INTEGER};
    scan_spaces(line);
    if (line->at == line->source_len)
        return true;
    if (!scan_number(line, &number))
        return false;
    line->number = number.magnitude;
    line->has_number = true;
    return !number.negative ||
           problem_set(&line->problem, line->at, 1, "expected a number that is not negative");
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

static bool parse_help(struct line *line)
{
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
    {"caps", COMMAND_CAPS, parse_nothing},     {"inspect", COMMAND_INSPECT, parse_inspect},
    {"call", COMMAND_CALL, parse_one_cap},     {"run", COMMAND_RUN, parse_programs},
    {"spawn", COMMAND_SPAWN, parse_programs},  {"jobs", COMMAND_JOBS, parse_nothing},
    {"wait", COMMAND_WAIT, parse_number},      {"kill", COMMAND_KILL, parse_number},
    {"revoke", COMMAND_REVOKE, parse_one_cap}, {"drop", COMMAND_DROP, parse_one_cap},
    {"help", COMMAND_HELP, parse_help},        {"exit", COMMAND_EXIT, parse_number},
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
    line->names_at = line->at = line->redirect_at = line->word_at = line->word_len = 0;
    line->cap = NULL;
    line->word = line->redirect = capnp_text_n(NULL, 0);
    line->has_number = false;
    line->number = 0;
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
