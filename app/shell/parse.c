/* Values and capabilities of the grammar in syntax.h. Values nest, so value and members call each other: at
 * most SYNTAX_DEPTH_MAX deep. */
#include "parse.h"
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
bool parse_members(struct line *line, char separator, char closing, struct node **out, unsigned depth)
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

bool parse_cap(struct line *line, struct node **out, unsigned depth)
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
