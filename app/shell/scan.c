#include "scan.h"
#include <string.h>

enum { HEX = 16, DECIMAL = 10 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool in_name(char c)
{
    return begins_name(c) || is_digit(c) || c == '-';
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + DECIMAL;
    return c >= 'A' && c <= 'F' ? c - 'A' + DECIMAL : -1;
}

static char char_at(const struct line *line, uint32_t ahead)
{
    return line->at + ahead < line->source_len ? line->source[line->at + ahead] : '\0';
}

void scan_spaces(struct line *line)
{
    while (scan_peek(line) == ' ' || scan_peek(line) == '\t')
        line->at++;
}

bool scan_take(struct line *line, char wanted)
{
    scan_spaces(line);
    if (wanted == '\0' || scan_peek(line) != wanted)
        return false;
    line->at++;
    return true;
}

bool scan_expect(struct line *line, char wanted, const char *after)
{
    return scan_take(line, wanted) ||
           problem_set(&line->problem, line->at, 1, "expected '%c' after %s", wanted, after);
}

struct capnp_text scan_name(struct line *line)
{
    scan_spaces(line);
    uint32_t start = line->at;
    if (begins_name(scan_peek(line)))
        while (in_name(scan_peek(line)))
            line->at++;
    return capnp_text_n(line->source + start, line->at - start);
}

bool scan_take_word(struct line *line, const char *word)
{
    uint32_t start = line->at;
    if (syntax_text_is(scan_name(line), word))
        return true;
    line->at = start;
    return false;
}

/* ---- Literals. */

static bool fraction(struct line *line, struct node *node)
{
    double unit = 1;
    node->kind = CAPNP_VALUE_FLOAT;
    node->real = (double)node->magnitude;
    line->at++;
    for (; is_digit(scan_peek(line)); line->at++)
        node->real += (scan_peek(line) - '0') * (unit /= DECIMAL);
    if (node->negative)
        node->real = -node->real;
    return true;
}

bool scan_number(struct line *line, struct node *node)
{
    uint32_t start = line->at;
    uint64_t base = DECIMAL;
    node->kind = CAPNP_VALUE_INTEGER;
    node->negative = scan_peek(line) == '-';
    line->at += node->negative;
    if (scan_peek(line) == '0' && char_at(line, 1) == 'x') {
        base = HEX;
        line->at += 2;
    }
    uint32_t digits = line->at;
    for (int digit; (digit = hex_digit(scan_peek(line))) >= 0 && (uint64_t)digit < base; line->at++)
        if (__builtin_mul_overflow(node->magnitude, base, &node->magnitude) ||
            __builtin_add_overflow(node->magnitude, (uint64_t)digit, &node->magnitude))
            return problem_set(&line->problem, start, line->at - start + 1, "the number is above 64 bits");
    if (line->at == digits)
        return problem_set(&line->problem, start, line->at - start + 1, "expected digits");
    if (base == DECIMAL && scan_peek(line) == '.' && is_digit(char_at(line, 1)))
        (void)fraction(line, node);
    if (in_name(scan_peek(line)))
        return problem_set(&line->problem, line->at, 1, "this does not belong to a number");
    return true;
}

/* Literals become at most as long as they are written, so the line's text has room for all. */
static void keep(struct line *line, char c)
{
    if (line->text_len < sizeof line->text)
        line->text[line->text_len++] = c;
}

static bool escape(struct line *line)
{
    char c = scan_peek(line);
    int high = hex_digit(char_at(line, 1)), low = high < 0 ? -1 : hex_digit(char_at(line, 2));
    switch (c) {
    case 'n':
        keep(line, '\n');
        break;
    case 't':
        keep(line, '\t');
        break;
    case '"':
    case '\\':
        keep(line, c);
        break;
    case 'x':
        if (low < 0)
            return problem_set(&line->problem, line->at - 1, 2, "\\x takes two hexadecimal digits");
        keep(line, (char)(high * HEX + low));
        line->at += 2;
        break;
    default:
        return problem_set(&line->problem, line->at - 1, 2, "there are \\n \\t \\\" \\\\ and \\xNN");
    }
    line->at++;
    return true;
}

bool scan_text(struct line *line, struct capnp_text *out)
{
    uint32_t start = line->at++;
    size_t first = line->text_len;
    while (scan_peek(line) != '"') {
        if (line->at >= line->source_len)
            return problem_set(&line->problem, start, 1, "this text does not end");
        char c = line->source[line->at++];
        if (c != '\\')
            keep(line, c);
        else if (!escape(line))
            return false;
    }
    line->at++;
    *out = capnp_text_n(line->text + first, line->text_len - first);
    return true;
}

bool scan_hex(struct line *line, struct capnp_text *out)
{
    uint32_t start = line->at;
    size_t first = line->text_len;
    line->at += 3; /* 0x" */
    while (scan_peek(line) != '"') {
        int high = hex_digit(scan_peek(line)), low = high < 0 ? -1 : hex_digit(char_at(line, 1));
        if (low < 0)
            return problem_set(&line->problem, start, line->at - start + 1,
                               "data is pairs of hexadecimal digits, 0x\"00ff\"");
        keep(line, (char)(high * HEX + low));
        line->at += 2;
    }
    line->at++;
    *out = capnp_text_n(line->text + first, line->text_len - first);
    return true;
}

static bool ends_argument(char c)
{
    return c == '\0' || strchr(" \t|<>&{}", c) != NULL;
}

/* As it is, up to the next quote. */
static bool plain_text(struct line *line, struct capnp_text *out)
{
    uint32_t start = line->at++;
    while (scan_peek(line) != '\'') {
        if (line->at >= line->source_len)
            return problem_set(&line->problem, start, 1, "this text does not end");
        line->at++;
    }
    *out = capnp_text_n(line->source + start + 1, line->at - start - 1);
    line->at++;
    return true;
}

bool scan_argument(struct line *line, struct capnp_text *out)
{
    scan_spaces(line);
    if (scan_peek(line) == '"')
        return scan_text(line, out);
    if (scan_peek(line) == '\'')
        return plain_text(line, out);
    uint32_t start = line->at;
    while (!ends_argument(scan_peek(line)))
        line->at++;
    *out = capnp_text_n(line->source + start, line->at - start);
    return true;
}

bool syntax_text_is(struct capnp_text text, const char *string)
{
    size_t len = strlen(string);
    return text.len == len && memcmp(text.bytes, string, len) == 0;
}
