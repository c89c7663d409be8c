/*
 * The host machine: files, child processes, where this repository is, and how the user is told that something
 * is wrong. Every sentence goes to stderr as `capos: ...` and says what to do.
 */
#pragma once
#include "buffer.h"

/* Exit statuses of capos itself; the program's own are passed through, 128 + vector is a crash. */
enum capos_exit {
    CAPOS_EXIT_LEFT = 123,         /* Ctrl-A x */
    CAPOS_EXIT_TIMEOUT = 124,      /* the guest did not end in time */
    CAPOS_EXIT_TROUBLE = 125,      /* capos could not do its work: bad arguments, no QEMU, guest broke */
    CAPOS_EXIT_NOT_RUNNABLE = 126, /* the program is there but cannot be run */
    CAPOS_EXIT_NOT_FOUND = 127,    /* the program is not there */
};

/* Prints `capos: ` and the sentence on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The repository that this binary was built in, without a slash at the end. Set once by host_init. */
const char *host_root(void);
/* First of all. Standard streams that are closed are /dev/null from then on.
 * False (with a sentence) if the binary is not in the build directory of a capOS tree. */
bool host_init(void);
/* `root`/path; owned by the caller. */
char *host_path(const char *path);

/* Reads a whole file or pipe and appends it. False with errno set. At most 1 GiB. */
bool file_read(const char *path, struct buffer *out);
bool file_write(const char *path, const void *bytes, size_t size);
/* Makes the directory and its parents. */
bool directory_make(const char *path);
/* True if `name` is an executable file on the PATH. */
bool command_exists(const char *name);

/* Runs argv to its end with stdin closed. What it prints is appended to out and err (either may be null:
 * inherited). Returns its exit status, 128 + signal, or -1 with errno if it could not be started. */
int command_run(const struct words *argv, struct buffer *out, struct buffer *err);
