/*
 * Which function an address lies in: the symbol tables of the kernel and of one program, together. The files
 * are what this build just made; they are still not trusted to be well-formed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
    uint64_t address;
    const char *name;
    const char *image; /* as given to symbols_load */
    uint64_t count;    /* for the caller */
};

struct symbols {
    struct symbol *items; /* by address, once sorted */
    size_t count;
};

/* Adds the code symbols of an ELF64 file, which stays in memory until the program ends. False, with a
 * sentence, if it has none. */
bool symbols_load(struct symbols *symbols, const char *path, const char *image);
/* To be called after the last symbols_load and before symbols_at. */
void symbols_sort(struct symbols *symbols);
/* The last symbol at or below the address; null if there is none. */
struct symbol *symbols_at(const struct symbols *symbols, uint64_t address);
/* The address of a function; 0 if there is none of that name. */
uint64_t symbols_address(const struct symbols *symbols, const char *name);
