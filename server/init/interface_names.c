/* See interface_names.h. */
#include "interface_names.h"
#include "interface_names_generated.h"
#include <string.h>

/* Arrays, not pointers: nothing to relocate when init starts. */
struct interface_entry {
    uint64_t id;
    char name[40];
};

#define ENTRY(interface, number) {number, #interface},
static const struct interface_entry entries[] = {INTERFACE_NAMES(ENTRY)};
enum { ENTRIES = sizeof entries / sizeof entries[0], HEX_DIGITS_MAX = 16 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *digits, size_t count, uint64_t *id)
{
    uint64_t value = 0;
    if (count == 0 || count > HEX_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        int digit = hex_digit(digits[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *id = value;
    return value != 0;
}

bool interface_named(struct capnp_text text, uint64_t *id)
{
    if (text.len > 2 && text.bytes[0] == '0' && text.bytes[1] == 'x')
        return read_hex(text.bytes + 2, text.len - 2, id);
    for (size_t i = 0; i < ENTRIES; i++)
        if (strlen(entries[i].name) == text.len && memcmp(entries[i].name, text.bytes, text.len) == 0) {
            *id = entries[i].id;
            return true;
        }
    return false;
}

const char *interface_name(uint64_t id)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (entries[i].id == id)
            return entries[i].name;
    return NULL;
}
