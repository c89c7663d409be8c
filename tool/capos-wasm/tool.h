/*
 * capos-wasm: what its files share. main.c reads the command line; each command and each host module is a
 * file.
 */
#pragma once
#include "../../lib/wasm/wasm.h"
#include <stdio.h>

enum exit_status {
    EXIT_OK = 0,
    EXIT_USAGE = 1,
    EXIT_REFUSED = 2, /* malformed, invalid or unlinkable module, or a file that cannot be read */
    EXIT_TRAPPED = 3,
};

/* ---- platform.c ---- */
extern const struct wasm_platform tool_platform;

/* ---- file.c ---- */
struct file {
    const uint8_t *bytes;
    size_t size_bytes;
};
/* Maps a file; a name that ends in .wat goes through wat2wasm first. Prints why not. */
bool file_open(const char *path, struct file *file);
void file_close(struct file *file);
/* Prints `PATH: offset 0x..: section NAME: rule`. */
void error_print(const char *path, const struct wasm_error *error);

/* ---- value.c ---- */
/* Reads an argument as the command line and spectest files write it; false if it is none of that type. */
bool value_parse(uint8_t type, const char *text, union wasm_value *value);
/* Prints `TYPE:VALUE`. */
void value_print(FILE *to, uint8_t type, const union wasm_value *value);
/* externref N of the command line is reference N + 1: 0 is null. */
#define EXTERNREF_OF(number) ((uint64_t)(number) + 1)

/* ---- run.c ---- */
struct run_options {
    const char *path;
    const char *invoke; /* null: _start */
    char **args;        /* of the function, or of the program behind `--` */
    int arg_count;
    uint64_t fuel;
    bool dump_state;
};
int run_command(const struct run_options *options);
/* Prints `trap: KIND` and the backtrace. */
void trap_print(FILE *to, const struct wasm_trap *trap);

/* ---- wasi.c ---- */
struct wasi {
    struct wasm_store *store;
    char **args;
    int arg_count;
    bool exited;
    uint32_t exit_code;
};
bool wasi_resolve(struct wasi *wasi, const struct wasm_import *import, struct wasm_extern *found);

/* ---- host_spectest.c ---- */
struct host_spectest {
    struct wasm_store *store;
    struct wasm_table *table;
    struct wasm_memory *memory;
};
bool host_spectest_resolve(struct host_spectest *host, const struct wasm_import *import,
                           struct wasm_extern *found);

/* ---- spectest.c, disassemble.c, info.c ---- */
int spectest_command(char **paths, int path_count);
int disassemble_command(const char *path, const struct wasm_module *module, const struct file *file);
int info_command(const char *path, const struct wasm_module *module);
