/* See symbols.h. */
#include "symbols.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
    unsigned char *bytes;
    size_t size_bytes;
};

static bool file_load(const char *path, struct file *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    rewind(file);
    *out = (struct file){.bytes = size < 0 ? NULL : malloc((size_t)size + 1)};
    if (out->bytes != NULL) {
        out->size_bytes = fread(out->bytes, 1, (size_t)size, file);
        out->bytes[out->size_bytes] = 0; /* ends a string table that does not end itself */
    }
    fclose(file);
    return out->bytes != NULL;
}

static bool within(const struct file *file, uint64_t offset, uint64_t size_bytes)
{
    return offset <= file->size_bytes && size_bytes <= file->size_bytes - offset;
}

/* Copies a section header; false if there is no such section. */
static bool section(const struct file *file, const Elf64_Ehdr *header, uint64_t index, Elf64_Shdr *out)
{
    uint64_t offset = header->e_shoff + index * sizeof(*out);
    if (index >= header->e_shnum || header->e_shentsize != sizeof(*out) ||
        !within(file, offset, sizeof(*out)))
        return false;
    memcpy(out, file->bytes + offset, sizeof(*out));
    return out->sh_type == SHT_NOBITS || within(file, out->sh_offset, out->sh_size);
}

static bool is_code(const struct file *file, const Elf64_Ehdr *header, const Elf64_Sym *symbol)
{
    Elf64_Shdr home;
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return (type == STT_FUNC || type == STT_NOTYPE) && section(file, header, symbol->st_shndx, &home) &&
           (home.sh_flags & SHF_EXECINSTR) != 0;
}

static void add(struct symbols *symbols, struct symbol symbol)
{
    enum { STEP = 1024 };
    if (symbols->count % STEP == 0) {
        symbols->items = realloc(symbols->items, (symbols->count + STEP) * sizeof(symbol));
        if (symbols->items == NULL) {
            fputs("bench-profile: out of memory\n", stderr);
            exit(1);
        }
    }
    symbols->items[symbols->count++] = symbol;
}

static void add_table(struct symbols *symbols, const struct file *file, const Elf64_Ehdr *header,
                      const Elf64_Shdr *table, const Elf64_Shdr *names, const char *image)
{
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table->sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, file->bytes + table->sh_offset + at, sizeof(symbol));
        if (symbol.st_name >= names->sh_size || !is_code(file, header, &symbol))
            continue;
        const char *name = (const char *)file->bytes + names->sh_offset + symbol.st_name;
        if (*name != 0)
            add(symbols, (struct symbol){symbol.st_value, name, image, 0});
    }
}

bool symbols_load(struct symbols *symbols, const char *path, const char *image)
{
    struct file file;
    Elf64_Ehdr header;
    Elf64_Shdr table, names;
    size_t before = symbols->count;
    if (!file_load(path, &file)) {
        perror(path);
        return false;
    }
    memset(&header, 0, sizeof(header));
    if (file.size_bytes >= sizeof(header) && memcmp(file.bytes, ELFMAG, SELFMAG) == 0)
        memcpy(&header, file.bytes, sizeof(header));
    for (uint64_t i = 0; i < header.e_shnum; i++) {
        if (section(&file, &header, i, &table) && table.sh_type == SHT_SYMTAB &&
            section(&file, &header, table.sh_link, &names) && names.sh_type == SHT_STRTAB)
            add_table(symbols, &file, &header, &table, &names, image);
    }
    if (symbols->count == before)
        fprintf(stderr, "bench-profile: %s has no symbols\n", path);
    return symbols->count > before;
}

static int compare(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

void symbols_sort(struct symbols *symbols)
{
    qsort(symbols->items, symbols->count, sizeof(*symbols->items), compare);
}

struct symbol *symbols_at(const struct symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->count; /* items[low - 1] is at or below, items[high] above */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->items[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? NULL : &symbols->items[low - 1];
}

uint64_t symbols_address(const struct symbols *symbols, const char *name)
{
    for (size_t i = 0; i < symbols->count; i++) {
        if (strcmp(symbols->items[i].name, name) == 0)
            return symbols->items[i].address;
    }
    return 0;
}
