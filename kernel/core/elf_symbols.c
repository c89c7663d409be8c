/*
 * Names for addresses, out of a program's own symbol table: for crash records. The table is as hostile as the
 * program; whatever it says only decides which text is printed.
 */
#include "core/elf.h"
#include "core/elf_format.h"

enum { SECTIONS_MAX = 128, SYMBOLS_MAX = 65536, SYMBOLS_PER_READ = 32 };

static bool find_symtab(const struct image *image, struct elf_section_header *symtab,
                        struct elf_section_header *strings)
{
    struct elf_header header;
    if (image_read(image, 0, &header, sizeof(header)) < 0 || header.shentsize != sizeof(*symtab) ||
        header.shnum > SECTIONS_MAX || header.shoff > image->size_bytes)
        return false;
    for (uint64_t i = 0; i < header.shnum; i++) {
        if (image_read(image, header.shoff + i * sizeof(*symtab), symtab, sizeof(*symtab)) < 0)
            return false;
        if (symtab->type != ELF_SHT_SYMTAB)
            continue;
        return symtab->link < header.shnum && symtab->entsize == sizeof(struct elf_symbol_entry) &&
               image_read(image, header.shoff + symtab->link * sizeof(*strings), strings, sizeof(*strings)) ==
                   CAPOS_OK;
    }
    return false;
}

/* Copies the name, with anything that is not a printable character replaced. */
static bool read_name(const struct image *image, const struct elf_section_header *strings,
                      uint32_t name_offset, char *name, size_t name_size)
{
    if (strings->offset > image->size_bytes || name_offset >= strings->size)
        return false;
    size_t len = 0;
    char c = 0;
    while (len + 1 < name_size && name_offset + len < strings->size &&
           image_read(image, strings->offset + name_offset + len, &c, 1) == CAPOS_OK && c != 0)
        name[len++] = c > ' ' && c < 0x7f ? c : '?';
    name[len] = 0;
    return len > 0;
}

static bool symbol_holds(const struct elf_symbol_entry *symbol, uint64_t address)
{
    return (symbol->info & 0xf) == ELF_STT_FUNC && symbol->shndx != 0 && address >= symbol->value &&
           address - symbol->value < (symbol->size == 0 ? 1 : symbol->size);
}

static bool search(const struct image *image, const struct elf_section_header *symtab, uint64_t address,
                   struct elf_symbol_entry *out)
{
    struct elf_symbol_entry batch[SYMBOLS_PER_READ];
    uint64_t count = symtab->size / sizeof(batch[0]);
    if (symtab->offset > image->size_bytes || count > SYMBOLS_MAX)
        return false;
    for (uint64_t first = 0; first < count; first += SYMBOLS_PER_READ) {
        size_t here = (size_t)(count - first < SYMBOLS_PER_READ ? count - first : SYMBOLS_PER_READ);
        if (image_read(image, symtab->offset + first * sizeof(batch[0]), batch, here * sizeof(batch[0])) < 0)
            return false;
        for (size_t i = 0; i < here; i++) {
            if (symbol_holds(&batch[i], address)) {
                *out = batch[i];
                return true;
            }
        }
    }
    return false;
}

bool elf_symbol(const struct image *image, uint64_t address, char *name, size_t name_size,
                uint64_t *out_offset)
{
    struct elf_section_header symtab, strings;
    struct elf_symbol_entry symbol;
    if (!find_symtab(image, &symtab, &strings) || !search(image, &symtab, address, &symbol))
        return false;
    *out_offset = address - symbol.value;
    return read_name(image, &strings, symbol.name, name, name_size);
}
