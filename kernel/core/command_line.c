#include "core/command_line.h"
#include <base/string.h>

const char *command_line_option(const char *command_line, const char *key, size_t *value_len)
{
    const char *value = NULL;
    const size_t key_len = strlen(key);
    while (*command_line != '\0') {
        size_t len = 0;
        while (command_line[len] != '\0' && command_line[len] != ' ')
            len++;
        if (len >= key_len && memcmp(command_line, key, key_len) == 0) {
            value = command_line + key_len;
            *value_len = len - key_len;
        }
        command_line += len;
        while (*command_line == ' ')
            command_line++;
    }
    return value;
}
