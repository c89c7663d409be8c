/*
 * What capos needs to know of a program's ELF file: can capOS run it, and which function an address lies in. The
 * file is hostile input; every offset is checked against its size. (The kernel has its own loader and does not rely
 * on this one: here the point is a good sentence before anything is booted.)
 */
#pragma once
#include "sentence.h"
#include <stddef.h>
#include <stdint.h>

/* True if the bytes are an ELF64 program for x86-64 that is statically linked. Otherwise *why says what it is. */
bool elf_check_program(const void *bytes, size_t size, struct sentence *why);

/* True for a position independent program: its addresses are relative to the image base. */
bool elf_is_relocatable_image(const void *bytes, size_t size);

struct elf_symbol {
    const char *name; /* points into the file; NUL-terminated inside it */
    uint64_t offset;  /* of the address in the function */
};

/* The function that holds the address. False if there is no symbol table or nothing fits. */
bool elf_find_symbol(const void *bytes, size_t size, uint64_t address, struct elf_symbol *out);
