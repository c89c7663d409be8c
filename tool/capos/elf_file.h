/*
 * What capos needs to know of a program's ELF file: can capOS run it. The file is hostile input; every offset
 * is checked against its size. (The kernel has its own loader and does not rely on this one: here the point
 * is a good sentence before anything is booted.)
 */
#pragma once
#include "sentence.h"
#include <stddef.h>

/* True if the bytes are an ELF64 program for x86-64 that is statically linked. Otherwise *why says what it
 * is. */
bool elf_check_program(const void *bytes, size_t size, struct sentence *why);
