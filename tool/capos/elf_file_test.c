/* Unit tests of elf_file.c: programs that fit, programs that do not, and files made to do harm. */
#include "elf_file.h"
#include "unit.h"
#include <elf.h>
#include <string.h>

/* A small program of one segment. */
struct sample {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    char code[64];
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
                   .e_phnum = 1},
        .segment = {.p_type = PT_LOAD, .p_filesz = sizeof(struct sample), .p_memsz = sizeof(struct sample)},
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
    sample.header.e_type = ET_DYN; /* static-PIE */
    assert_true(check());
}

static void other_files_are_named(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {
        {"", 0, "is empty"},           {"x", 1, "is not an ELF program"},
        {"#!/bin/sh\n", 10, "script"}, {"\0asm\1\0\0\0", 8, "WebAssembly"},
        {"\177ELF", 4, "cut off"},     {"\177EL", 3, "is not an ELF program"},
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
        for (uint32_t i = random_below(4) + 1; i > 0; i--)
            ((uint8_t *)&damaged)[random_below(sizeof(damaged))] = (uint8_t)random_below(256);
        size_t size = random_below(4) == 0 ? random_below(sizeof(damaged)) : sizeof(damaged);
        accepted += elf_check_program(&damaged, size, &why);
    }
    assert_true(accepted > 0 && accepted < 50000);
}

static const struct unit_test tests[] = {
    UNIT_TEST(a_static_program_is_accepted), UNIT_TEST(other_files_are_named),
    UNIT_TEST(other_machines_are_named),     UNIT_TEST(other_types_are_named),
    UNIT_TEST(segments_are_checked),         UNIT_TEST(header_tables_are_checked),
    UNIT_TEST(every_cut_is_refused),         UNIT_TEST(damaged_files_do_no_harm),
};

int main(void)
{
    return UNIT_MAIN(tests, make_sample, NULL);
}
