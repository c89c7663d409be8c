/*
 * The parts of the ELF64 file format that the kernel reads (System V ABI, "Object Files"; x86-64 psABI).
 */
#pragma once
#include <stdint.h>

enum { ELF_CLASS64 = 2, ELF_DATA_LSB = 1, ELF_VERSION_CURRENT = 1 };
enum { ELF_TYPE_EXEC = 2, ELF_TYPE_DYN = 3, ELF_MACHINE_X86_64 = 62 };
enum { ELF_PT_LOAD = 1, ELF_PT_INTERP = 3, ELF_PT_TLS = 7 };
enum { ELF_PF_X = 1, ELF_PF_W = 2, ELF_PF_R = 4 };
enum { ELF_SHT_SYMTAB = 2, ELF_STT_FUNC = 2 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_section_header {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t addralign, entsize;
};

struct elf_symbol_entry {
    uint32_t name;
    uint8_t info, other;
    uint16_t shndx;
    uint64_t value, size;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF header");
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF program header");
_Static_assert(sizeof(struct elf_section_header) == 64, "ELF section header");
_Static_assert(sizeof(struct elf_symbol_entry) == 24, "ELF symbol");
