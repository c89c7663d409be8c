/* Module files: mapped, so that only what is looked at is read; and the text format through wat2wasm. */
#include "tool.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool map_descriptor(const char *path, int fd, struct file *file)
{
    static const uint8_t nothing;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        fprintf(stderr, "%s: not a regular file\n", path);
        return false;
    }
    *file = (struct file){&nothing, (size_t)status.st_size};
    if (status.st_size == 0)
        return true;
    void *bytes = mmap(NULL, file->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    file->bytes = bytes;
    return true;
}

/* Runs wat2wasm on path with its output in `to`; false if it is missing or fails (it says why itself). */
static bool convert_text(const char *path, const char *to)
{
    char *argv[] = {(char[]){"wat2wasm"},
                    (char[]){"--enable-all"},
                    (char[]){"--debug-names"},
                    strdup(path),
                    (char[]){"-o"},
                    strdup(to),
                    NULL};
    pid_t child;
    int status = -1;
    int failure = argv[3] == NULL || argv[5] == NULL
                      ? ENOMEM
                      : posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (failure != 0)
        fprintf(stderr, "%s: cannot run wat2wasm (package wabt): %s\n", path, strerror(failure));
    else
        waitpid(child, &status, 0);
    free(argv[3]);
    free(argv[5]);
    return failure == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool open_text(const char *path, struct file *file)
{
    char binary[] = "/tmp/capos-wasm-XXXXXX";
    int fd = mkstemp(binary);
    if (fd < 0) {
        fprintf(stderr, "%s: no temporary file: %s\n", path, strerror(errno));
        return false;
    }
    bool opened = convert_text(path, binary);
    if (opened) {
        close(fd); /* wat2wasm may have replaced the file */
        fd = open(binary, O_RDONLY | O_CLOEXEC);
        opened = fd >= 0 && map_descriptor(path, fd, file);
    }
    unlink(binary);
    close(fd);
    return opened;
}

bool file_open(const char *path, struct file *file)
{
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".wat") == 0)
        return open_text(path, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    bool mapped = map_descriptor(path, fd, file);
    close(fd);
    return mapped;
}

void file_close(struct file *file)
{
    if (file->size_bytes > 0)
        munmap((void *)(uintptr_t)file->bytes, file->size_bytes);
}

void error_print(const char *path, const struct wasm_error *error)
{
    if (error->section != NULL)
        fprintf(stderr, "%s: offset 0x%llx: section %s: %s\n", path, (unsigned long long)error->offset,
                error->section, error->rule);
    else
        fprintf(stderr, "%s: %s\n", path, error->rule);
}
