/*
 * Writes an initramfs: a "newc" cpio archive with /dev/console and the programs named on the command line.
 *
 *   mkinitramfs OUT PATH=FILE...     PATH without the leading slash; all files are made executable
 *
 * The format is in the Linux documentation, driver-api/early-userspace/buffer-format. Nothing in it depends
 * on time or on who ran this, so the archive is the same every time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ALIGNMENT = 4,
    CONSOLE_MAJOR = 5,
    CONSOLE_MINOR = 1,
};

struct entry {
    const char *path;
    uint32_t mode;
    uint32_t device_major, device_minor;
    const void *data;
    size_t size_bytes;
};

static void require(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static void write_padded(FILE *out, const void *bytes, size_t size_bytes, size_t before)
{
    static const char zeros[ALIGNMENT];
    size_t padding = (ALIGNMENT - (before + size_bytes) % ALIGNMENT) % ALIGNMENT;
    require(fwrite(bytes, 1, size_bytes, out) == size_bytes && fwrite(zeros, 1, padding, out) == padding,
            "write");
}

static void write_entry(FILE *out, const struct entry *entry)
{
    static uint32_t inode;
    enum { HEADER_BYTES = 110 };
    size_t name_bytes = strlen(entry->path) + 1;
    int printed = fprintf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ++inode,
                          entry->mode, 0u, 0u, 1u, 0u, entry->size_bytes, 0u, 0u, entry->device_major,
                          entry->device_minor, name_bytes, 0u);
    require(printed == HEADER_BYTES, "write");
    write_padded(out, entry->path, name_bytes, HEADER_BYTES);
    write_padded(out, entry->data, entry->size_bytes, 0);
}

static void write_file(FILE *out, const char *path, const char *from)
{
    struct stat status;
    FILE *file = fopen(from, "rb");
    require(file != NULL && fstat(fileno(file), &status) == 0, from);
    size_t size_bytes = (size_t)status.st_size;
    void *data = malloc(size_bytes + 1);
    require(data != NULL && fread(data, 1, size_bytes, file) == size_bytes, from);
    fclose(file);
    write_entry(
        out, &(struct entry){.path = path, .mode = S_IFREG | 0755, .data = data, .size_bytes = size_bytes});
    free(data);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: mkinitramfs OUT PATH=FILE...\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[1], "wb");
    require(out != NULL, argv[1]);
    write_entry(out, &(struct entry){.path = "dev", .mode = S_IFDIR | 0755, .data = ""});
    write_entry(out, &(struct entry){.path = "dev/console",
                                     .mode = S_IFCHR | 0600,
                                     .device_major = CONSOLE_MAJOR,
                                     .device_minor = CONSOLE_MINOR,
                                     .data = ""});
    for (int i = 2; i < argc; i++) {
        char *separator = strchr(argv[i], '=');
        require(separator != NULL, argv[i]);
        *separator = 0;
        write_file(out, argv[i], separator + 1);
    }
    write_entry(out, &(struct entry){.path = "TRAILER!!!", .data = ""});
    require(fclose(out) == 0, argv[1]);
    return 0;
}
