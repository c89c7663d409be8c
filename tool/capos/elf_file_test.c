/* Unit tests of elf_file.c and symbolise.c: programs that fit, programs that do not, and files made to do harm. */
#include "elf_file.h"
#include "symbolise.h"
#include "unit.h"
#include <elf.h>
#include <string.h>

/* A small program: one segment, a symbol table with two functions, its strings. */
struct sample {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    Elf64_Shdr sections[2];
    Elf64_Sym symbols[3];
    char strings[16];
};

static struct sample sample;
static struct sentence why;

static void make_sample(void)
{
    sample = (struct sample){
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_X86_64,
                   .e_phoff = offsetof(struct sample, segment),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 1,
                   .e_shoff = offsetof(struct sample, sections),
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = 2},
        .segment = {.p_type = PT_LOAD, .p_filesz = sizeof(struct sample), .p_memsz = sizeof(struct sample)},
        .sections = {{.sh_type = SHT_SYMTAB,
                      .sh_offset = offsetof(struct sample, symbols),
                      .sh_size = sizeof(sample.symbols),
                      .sh_entsize = sizeof(Elf64_Sym),
                      .sh_link = 1},
                     {.sh_type = SHT_STRTAB,
                      .sh_offset = offsetof(struct sample, strings),
                      .sh_size = sizeof(sample.strings)}},
        .symbols = {{.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_value = 0x1000, .st_size = 0x40},
                    {.st_name = 6, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_value = 0x2000, .st_size = 0},
                    {.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), .st_value = 0x3000}},
        .strings = "\0main\0start",
    };
}

static bool check(void)
{
    return elf_check_program(&sample, sizeof(sample), &why);
}

static void assert_refused(const char *part)
{
    if (check())
        fail_msg("accepted, instead of '%s'", part);
    if (strstr(why.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, part);
}

static void a_static_program_is_accepted(void)
{
    assert_true(check());
    assert_false(elf_is_relocatable_image(&sample, sizeof(sample)));
    sample.header.e_type = ET_DYN;
    assert_true(check());
    assert_true(elf_is_relocatable_image(&sample, sizeof(sample)));
}

static void other_files_are_named(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {
        {"", 0, "is empty"},          {"x", 1, "is not an ELF program"},
        {"#!/bin/sh\n", 10, "script"}, {"\0asm\1\0\0\0", 8, "WebAssembly"},
        {"\177ELF", 4, "cut off"},    {"\177EL", 3, "is not an ELF program"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_false(elf_check_program(files[i].bytes, files[i].size, &why));
        assert_non_null(strstr(why.text, files[i].part));
    }
}

static void other_machines_are_named(void)
{
    sample.header.e_machine = EM_AARCH64;
    assert_refused("AArch64 (ELF machine 183)");
    sample.header.e_machine = EM_X86_64;
    sample.header.e_ident[EI_CLASS] = ELFCLASS32;
    assert_refused("not a 64-bit ELF");
    make_sample();
    sample.header.e_ident[EI_DATA] = ELFDATA2MSB;
    sample.header.e_machine = 0x1600; /* S/390, big-endian */
    assert_refused("S/390");
}

static void other_types_are_named(void)
{
    sample.header.e_type = ET_REL;
    assert_refused("not linked yet");
    sample.header.e_type = ET_CORE;
    assert_refused("core dump");
    sample.header.e_type = 77;
    assert_refused("type 77");
}

static void segments_are_checked(void)
{
    sample.segment.p_type = PT_INTERP;
    assert_refused("linked dynamically");
    sample.segment.p_type = PT_NOTE;
    assert_refused("nothing to load");
    sample.segment.p_type = PT_LOAD;
    sample.segment.p_filesz = UINT64_MAX;
    assert_refused("segment 0 lies outside");
    sample.segment.p_filesz = 1;
    sample.segment.p_offset = UINT64_MAX;
    assert_refused("segment 0 lies outside");
}

static void header_tables_are_checked(void)
{
    sample.header.e_phoff = UINT64_MAX - 8;
    assert_refused("program headers lie outside");
    sample.header.e_phoff = sizeof(sample);
    assert_refused("program headers lie outside");
    sample.header.e_phoff = 0;
    sample.header.e_phentsize = 1;
    assert_refused("program headers lie outside");
    make_sample();
    sample.header.e_phnum = UINT16_MAX;
    sample.segment.p_type = PT_NOTE;
    assert_refused("program headers lie outside");
}

static void every_cut_is_refused(void)
{
    for (size_t size = 0; size < sizeof(sample); size++)
        assert_false(elf_check_program(&sample, size, &why));
}

static void symbols_are_found(void)
{
    struct elf_symbol symbol;
    assert_true(elf_find_symbol(&sample, sizeof(sample), 0x103f, &symbol));
    assert_string_equal(symbol.name, "main");
    assert_int_equal(symbol.offset, 0x3f);
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0x1040, &symbol));
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0xfff, &symbol));
    assert_true(elf_find_symbol(&sample, sizeof(sample), 0x2010, &symbol));
    assert_string_equal(symbol.name, "start");
}

static void broken_symbol_tables_find_nothing(void)
{
    struct elf_symbol symbol;
    sample.sections[1].sh_size = 5; /* "main" without its NUL */
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0x1000, &symbol));
    make_sample();
    sample.symbols[0].st_name = UINT32_MAX;
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0x1000, &symbol));
    make_sample();
    sample.sections[0].sh_link = 9;
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0x1000, &symbol));
    make_sample();
    sample.sections[0].sh_entsize = 0;
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0x1000, &symbol));
    make_sample();
    sample.sections[0].sh_size = UINT64_MAX;
    sample.sections[0].sh_offset = UINT64_MAX - 4;
    assert_false(elf_find_symbol(&sample, sizeof(sample), 0x1000, &symbol));
}

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

static void damaged_files_do_no_harm(void)
{
    unsigned accepted = 0;
    for (int round = 0; round < 50000; round++) {
        struct sample damaged = sample;
        struct elf_symbol symbol;
        for (uint32_t i = random_below(4) + 1; i > 0; i--)
            ((uint8_t *)&damaged)[random_below(sizeof(damaged))] = (uint8_t)random_below(256);
        size_t size = random_below(4) == 0 ? random_below(sizeof(damaged)) : sizeof(damaged);
        accepted += elf_check_program(&damaged, size, &why);
        if (elf_find_symbol(&damaged, size, random_below(0x4000), &symbol))
            assert_true(strlen(symbol.name) < sizeof(damaged));
    }
    assert_true(accepted > 0 && accepted < 50000);
}

static void addresses_get_names(void)
{
    struct symbol_file program = {&sample, sizeof(sample), 0};
    struct buffer out = {0};
    symbolise("crash: at 0x1004, from 0x2001 <known>, in 0x9999999999\n", &program, &out);
    assert_string_equal(buffer_string(&out),
                        "crash: at 0x1004 <main+0x4>, from 0x2001 <known>, in 0x9999999999\n");
    buffer_free(&out);
}

static void addresses_of_moved_images_get_names(void)
{
    static const char text[] = "crash: image base 0x400000, at 0x401004 and 0x10\n";
    struct symbol_file program = {&sample, sizeof(sample), symbolise_image_base(text)};
    struct buffer out = {0};
    assert_int_equal(program.image_base, 0x400000);
    assert_int_equal(symbolise_image_base("nothing"), 0);
    symbolise(text, &program, &out);
    assert_string_equal(buffer_string(&out), "crash: image base 0x400000, at 0x401004 <main+0x4> and 0x10\n");
    buffer_free(&out);
}

static const struct unit_test tests[] = {
    UNIT_TEST(a_static_program_is_accepted),
    UNIT_TEST(other_files_are_named),
    UNIT_TEST(other_machines_are_named),
    UNIT_TEST(other_types_are_named),
    UNIT_TEST(segments_are_checked),
    UNIT_TEST(header_tables_are_checked),
    UNIT_TEST(every_cut_is_refused),
    UNIT_TEST(symbols_are_found),
    UNIT_TEST(broken_symbol_tables_find_nothing),
    UNIT_TEST(damaged_files_do_no_harm),
    UNIT_TEST(addresses_get_names),
    UNIT_TEST(addresses_of_moved_images_get_names),
};

int main(void)
{
    return UNIT_MAIN(tests, make_sample, NULL);
}
