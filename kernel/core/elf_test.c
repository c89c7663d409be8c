/* ELF files that load, and every way in which one must be refused; symbol tables that lie. */
#include "core/elf.h"
#include "core/elf_format.h"
#include "mm/aspace.h"
#include "world.h"
#include <stdlib.h>
#include <string.h>

enum {
    FILE_BYTES = 8192,
    TEXT = 0,
    DATA = 1,
    TLS = 2,
    HEADERS = 3,
    SYMTAB_AT = 0x1800,
    STRTAB_AT = 0x1900,
    SECTIONS_AT = 0x1a00
};

static struct {
    _Alignas(8) uint8_t bytes[FILE_BYTES];
} file;

static struct elf_header *header(void)
{
    return (struct elf_header *)(void *)file.bytes;
}

static struct elf_program_header *program(int index)
{
    return (struct elf_program_header *)(void *)(file.bytes + sizeof(struct elf_header)) + index;
}

/* A position-independent program with text, data with some bss, and TLS in the data. */
static void build(void)
{
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', ELF_CLASS64, ELF_DATA_LSB, ELF_VERSION_CURRENT};
    memset(&file, 0, sizeof(file));
    memcpy(header()->ident, ident, sizeof(ident));
    header()->type = ELF_TYPE_DYN;
    header()->machine = ELF_MACHINE_X86_64;
    header()->version = ELF_VERSION_CURRENT;
    header()->entry = 0x1010;
    header()->phoff = sizeof(struct elf_header);
    header()->phentsize = sizeof(struct elf_program_header);
    header()->phnum = HEADERS;
    *program(TEXT) = (struct elf_program_header){
        ELF_PT_LOAD, ELF_PF_R | ELF_PF_X, 0x1000, 0x1000, 0x1000, 0x100, 0x100, 4096};
    *program(DATA) = (struct elf_program_header){
        ELF_PT_LOAD, ELF_PF_R | ELF_PF_W, 0x1200, 0x2200, 0x2200, 0x80, 0x2000, 4096};
    *program(TLS) = (struct elf_program_header){ELF_PT_TLS, ELF_PF_R, 0x1220, 0x2220, 0x2220, 0x10, 0x40, 16};
}

static void setup(void)
{
    world_reset();
    build();
}

static struct image image(size_t size_bytes)
{
    return (struct image){world_memory(file.bytes, size_bytes), 0, size_bytes};
}

static const char *refusal(void)
{
    struct image whole = image(FILE_BYTES);
    struct elf elf;
    const char *why = NULL;
    assert_int_equal(elf_parse(&whole, &elf, &why), CAPOS_ERR_BAD_MESSAGE);
    assert_non_null(why);
    build();
    return why;
}

static void test_good_program(void)
{
    struct image whole = image(FILE_BYTES);
    struct elf elf;
    const char *why = NULL;
    assert_int_equal(elf_parse(&whole, &elf, &why), CAPOS_OK);
    assert_null(why);
    assert_true(elf.position_independent);
    assert_int_equal(elf.entry, 0x1010);
    assert_int_equal(elf.low, 0x1000);
    assert_int_equal(elf.high, 0x5000);
    assert_int_equal(elf.segment_count, 2);
    assert_int_equal(elf.segments[0].prot, PROT_READ | PROT_EXEC);
    assert_int_equal(elf.segments[1].prot, PROT_READ | PROT_WRITE);
    assert_int_equal(elf.segments[1].memory_bytes, 0x2000);
    assert_int_equal(elf.tls_memory_bytes, 0x40);
}

static void test_header_refusals(void)
{
    file.bytes[0] = 0x7e;
    assert_string_equal(refusal(), "not an ELF file");
    file.bytes[4] = 1;
    assert_string_equal(refusal(), "not a 64-bit little-endian ELF file");
    header()->machine = 183;
    assert_string_equal(refusal(), "not for x86-64");
    header()->type = 1;
    assert_string_equal(refusal(), "not an executable");
    header()->phentsize = 57;
    assert_string_equal(refusal(), "program headers have an unexpected size");
    header()->phnum = 0;
    assert_string_equal(refusal(), "no program headers, or more than 64");
    header()->phnum = 65;
    assert_string_equal(refusal(), "no program headers, or more than 64");
    header()->phoff = FILE_BYTES - 8;
    assert_string_equal(refusal(), "the program headers lie outside the file");
    header()->phoff = UINT64_MAX - 63;
    assert_string_equal(refusal(), "the program headers lie outside the file");
    header()->entry = 0x2300;
    assert_string_equal(refusal(), "the entry point is not in an executable segment");
}

static void test_segment_refusals(void)
{
    program(TEXT)->flags |= ELF_PF_W;
    assert_string_equal(refusal(), "a segment is writable and executable");
    program(DATA)->filesz = program(DATA)->memsz + 1;
    assert_string_equal(refusal(), "a segment is larger in the file than in memory");
    program(DATA)->offset = FILE_BYTES + 1;
    assert_string_equal(refusal(), "a segment lies outside the file");
    program(DATA)->offset = UINT64_MAX - 0x10;
    assert_string_equal(refusal(), "a segment lies outside the file");
    program(DATA)->vaddr = 0x10ff;
    assert_string_equal(refusal(), "segments overlap, share a page, or are not in ascending order");
    program(DATA)->vaddr = 0x1800;
    assert_string_equal(refusal(), "segments overlap, share a page, or are not in ascending order");
    program(DATA)->vaddr = CAPOS_USER_MAX - 0x100;
    assert_string_equal(refusal(), "a segment lies outside user space");
    program(DATA)->vaddr = UINT64_MAX - 0x100;
    assert_string_equal(refusal(), "a segment lies outside user space");
    program(DATA)->memsz = UINT64_MAX;
    assert_string_equal(refusal(), "a segment lies outside user space");
    header()->type = ELF_TYPE_EXEC;
    assert_string_equal(refusal(), "a segment lies in the first 64 KiB");
    program(DATA)->align = 3;
    assert_string_equal(refusal(), "a segment's alignment is not a power of two up to 2 MiB");
    program(DATA)->align = UINT64_C(1) << 40;
    assert_string_equal(refusal(), "a segment's alignment is not a power of two up to 2 MiB");
    program(TLS)->type = ELF_PT_INTERP;
    assert_string_equal(refusal(), "it wants a dynamic loader; link it with -static or -static-pie");
    program(TEXT)->type = program(DATA)->type = 0;
    assert_string_equal(refusal(), "nothing to load");
}

static void test_tls_refusals(void)
{
    program(TLS)->align = 24;
    refusal();
    program(TLS)->align = 8192;
    refusal();
    program(TLS)->memsz = CAPOS_LARGE_PAGE_SIZE + 1;
    refusal();
    program(TLS)->vaddr = 0x3000; /* in the bss: there are no bytes to copy */
    assert_string_equal(refusal(), "the thread-local segment is not part of a loaded segment");
    program(TEXT)->type = ELF_PT_TLS;
    assert_string_equal(refusal(), "two thread-local segments");
}

static void test_every_truncation_is_refused(void)
{
    struct elf elf;
    const char *why;
    for (size_t size = 0; size < 0x1280; size++) {
        struct image cut = image(size);
        assert_int_equal(elf_parse(&cut, &elf, &why), CAPOS_ERR_BAD_MESSAGE);
    }
}

/* Whatever the bytes, the result is a refusal or something within user space. */
static void test_random_damage_is_safe(void)
{
    srand(2);
    for (int round = 0; round < 20000; round++) {
        build();
        for (int i = 0; i < 1 + rand() % 4; i++)
            file.bytes[rand() % (int)(sizeof(struct elf_header) +
                                      HEADERS * sizeof(struct elf_program_header))] = (uint8_t)rand();
        struct image whole = image(FILE_BYTES);
        struct elf elf;
        const char *why;
        if (elf_parse(&whole, &elf, &why) < 0)
            continue;
        assert_true(elf.low < elf.high && elf.high <= CAPOS_USER_MAX + CAPOS_PAGE_SIZE);
        for (size_t i = 0; i < elf.segment_count; i++)
            assert_true(elf.segments[i].file_offset + elf.segments[i].file_bytes <= FILE_BYTES);
    }
}

static void add_symbols(void)
{
    static const char names[] = "\0first\0bad\x01name";
    memcpy(file.bytes + STRTAB_AT, names, sizeof(names));
    struct elf_symbol_entry *symbols = (struct elf_symbol_entry *)(void *)(file.bytes + SYMTAB_AT);
    symbols[1] = (struct elf_symbol_entry){1, ELF_STT_FUNC, 0, 1, 0x1010, 0x20};
    symbols[2] = (struct elf_symbol_entry){7, ELF_STT_FUNC, 0, 1, 0x1030, 0};
    struct elf_section_header *sections = (struct elf_section_header *)(void *)(file.bytes + SECTIONS_AT);
    sections[1] = (struct elf_section_header){
        .type = ELF_SHT_SYMTAB, .offset = SYMTAB_AT, .size = 3 * 24, .link = 2, .entsize = 24};
    sections[2] = (struct elf_section_header){.type = 3, .offset = STRTAB_AT, .size = sizeof(names)};
    header()->shoff = SECTIONS_AT;
    header()->shentsize = sizeof(struct elf_section_header);
    header()->shnum = 3;
}

static void test_symbols(void)
{
    char name[16];
    uint64_t offset;
    struct image whole = image(FILE_BYTES);
    assert_false(elf_symbol(&whole, 0x1010, name, sizeof(name), &offset)); /* no table */
    add_symbols();
    assert_true(elf_symbol(&whole, 0x1018, name, sizeof(name), &offset));
    assert_string_equal(name, "first");
    assert_int_equal(offset, 8);
    assert_true(elf_symbol(&whole, 0x1030, name, sizeof(name), &offset));
    assert_string_equal(name, "bad?name");
    assert_false(elf_symbol(&whole, 0x1031, name, sizeof(name), &offset));
    assert_true(elf_symbol(&whole, 0x1010, name, 4, &offset));
    assert_string_equal(name, "fir");
}

static void test_lying_symbol_tables_are_safe(void)
{
    srand(3);
    for (int round = 0; round < 20000; round++) {
        build();
        add_symbols();
        for (int i = 0; i < 1 + rand() % 4; i++)
            file.bytes[rand() % 2 == 0 ? SYMTAB_AT + rand() % 72 : SECTIONS_AT + rand() % 192] =
                (uint8_t)rand();
        char name[16];
        uint64_t offset;
        struct image whole = image(FILE_BYTES);
        if (elf_symbol(&whole, 0x1010, name, sizeof(name), &offset))
            assert_true(strlen(name) < sizeof(name));
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_good_program),
        UNIT_TEST(test_header_refusals),
        UNIT_TEST(test_segment_refusals),
        UNIT_TEST(test_tls_refusals),
        UNIT_TEST(test_every_truncation_is_refused),
        UNIT_TEST(test_random_damage_is_safe),
        UNIT_TEST(test_symbols),
        UNIT_TEST(test_lying_symbol_tables_are_safe),
    };
    return UNIT_MAIN(tests, setup, world_check_empty);
}
