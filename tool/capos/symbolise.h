/*
 * Names for addresses in the kernel's crash records.
 */
#pragma once
#include "buffer.h"

struct symbol_file {
    const void *elf;
    size_t size;
    uint64_t image_base; /* added to the file's addresses; 0 for programs that are not relocated */
};

/* Copies the text; behind every hexadecimal number (0x...) that lies in a function of the program and has no name
 * behind it yet comes ` <function+0xoffset>`. */
void symbolise(const char *text, const struct symbol_file *program, struct buffer *out);

/* The number behind `image base 0x` in the text; 0 if there is none. */
uint64_t symbolise_image_base(const char *text);
