/* See symbolise.h. */
#include "symbolise.h"
#include "elf_file.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t symbolise_image_base(const char *text)
{
    static const char label[] = "image base 0x";
    const char *at = strstr(text, label);
    return at == NULL ? 0 : strtoull(at + strlen(label), NULL, 16);
}

void symbolise(const char *text, const struct symbol_file *program, struct buffer *out)
{
    while (*text != '\0') {
        const char *number = strstr(text, "0x");
        if (number == NULL) {
            buffer_text(out, text);
            return;
        }
        char *end;
        uint64_t address = strtoull(number + 2, &end, 16);
        struct elf_symbol symbol;
        buffer_append(out, text, (size_t)(end - text));
        bool named = strncmp(end, " <", 2) == 0;
        if (!named && address >= program->image_base &&
            elf_find_symbol(program->elf, program->size, address - program->image_base, &symbol))
            buffer_printf(out, " <%s+0x%" PRIx64 ">", symbol.name, symbol.offset);
        text = end;
    }
}
