/*
 * What the small programs share besides their streams (stream.h): options, and paths below `root`, the
 * Directory that they start from. All grants are optional until they are used.
 */
#pragma once
#include "stream.h"

enum { APP_BUFFER_WORDS = 700, APP_READ_BYTES = 4096 };

/* Where answers lie until the next call with it. */
static uint64_t app_words[APP_BUFFER_WORDS];
static struct cap_buffer app_buffer = {app_words, sizeof app_words};

/* ---- Arguments. */

/* --help, as each program's first act: `usage` is its text, which begins with the program's name. */
static inline void app_begin(int argc, char **argv, const char *usage)
{
    app_name = argv[0];
    if (argc != 2 || strcmp(argv[1], "--help") != 0)
        return;
    app_printf("%s\n", usage);
    app_flush();
    capos_sys_exit(0);
}

/* Takes the options out of the arguments: bit N is set for the Nth of `letters`. Up to "--" or the first that
 * is none; "-" is none. An unknown one ends the program with 2. */
static inline unsigned app_options(int *argc, char **argv, const char *letters)
{
    unsigned found = 0;
    int next = 1, left = 1;
    for (; next < *argc && argv[next][0] == '-' && argv[next][1] != '\0'; next++) {
        if (strcmp(argv[next], "--") == 0) {
            next++;
            break;
        }
        for (const char *letter = argv[next] + 1; *letter != '\0'; letter++) {
            const char *known = strchr(letters, *letter);
            if (known == NULL) {
                app_complain("there is no option %s; %s --help says what there is", argv[next], app_name);
                capos_sys_exit(2);
            }
            found |= 1u << (known - letters);
        }
    }
    while (next < *argc)
        argv[left++] = argv[next++];
    *argc = left;
    return found;
}

/* Too few or too many. */
static inline int app_misused(const char *usage)
{
    app_complain("it takes %s; %s --help says more", usage, app_name);
    return 2;
}

/* For a grant that is missing: how to run the program with it. */
static inline void app_needs(const char *interface, const char *name)
{
    app_complain("needs a %s named %s; run %s with { out: @out, %s: @%s }", interface, name, app_name, name,
                 name);
}

/* ---- Paths. */

/* Complains of a path; true if there was nothing to complain of. */
static inline bool app_good(const char *path, int32_t error, enum cap_fs_status status)
{
    if (error >= 0 && status == CAP_FS_STATUS_OK)
        return true;
    app_complain("%s: %s", path, path_why(error, status));
    return false;
}

static inline bool app_root(cap_directory *root)
{
    if (capos_get_directory("root", root) >= 0)
        return true;
    app_needs("Directory", "root");
    return false;
}

/* The directory and last name of a path below `root`; with `follow` of what a link there leads to. */
static inline bool app_walk(const char *text, bool follow, struct path *path)
{
    cap_directory root;
    return app_root(&root) &&
           (path_walk(root, text, strlen(text), follow, path) || app_good(text, path->error, path->status));
}

/* Links are followed. */
static inline bool app_open(const char *text, struct cap_open_flags flags, cap_file *out)
{
    cap_directory root;
    if (!app_root(&root))
        return false;
    int32_t result = capos_path_open(root, text, &flags, out);
    enum cap_fs_status status = capos_fs_status_of(result);
    return app_good(text, status == CAP_FS_STATUS_OK ? result : CAPOS_OK, status);
}

/* Bytes into `to`; 0 at the end; negative: a complaint was made. */
static inline int32_t app_read_file(const char *text, cap_file file, uint64_t offset, void *to, size_t size)
{
    struct cap_file_read_results read = {0};
    int32_t error = cap_file_read(file, offset, (uint32_t)size, &read, &app_buffer);
    if (!app_good(text, error, read.status))
        return -1;
    memcpy(to, read.data.bytes, read.data.len);
    return (int32_t)read.data.len;
}

/* Bytes of `in`; 0 at its end; negative: a complaint was made. */
static inline int32_t app_read_in(uint64_t *offset, void *to, size_t size)
{
    uint64_t interface_id = 0;
    cap_any from = app_stream("in", &interface_id);
    int32_t got = CAPOS_ERR_WRONG_INTERFACE;
    if (from.id == 0) {
        app_complain("names no file, and was given nothing to read as in");
        return -1;
    }
    app_flush(); /* who is asked has seen what came before */
    if (interface_id == CAP_PIPE_READER_INTERFACE_ID)
        got = capos_pipe_read((cap_pipe_reader){.id = from.id}, to, size);
    else if (interface_id == CAP_FILE_INTERFACE_ID)
        got = app_read_file("in", (cap_file){.id = from.id}, *offset, to, size);
    else if (interface_id == CAP_STD_IO_INTERFACE_ID) {
        struct cap_std_io_read_results read = {0};
        got = cap_std_io_read((cap_std_io){.id = from.id}, (uint32_t)size, &read, &app_buffer);
        if (got >= 0) {
            memcpy(to, read.data.bytes, read.data.len);
            got = (int32_t)read.data.len;
        }
    }
    if (got < 0 && interface_id != CAP_FILE_INTERFACE_ID)
        app_complain("in: %s", cap_why(got));
    *offset += got > 0 ? (uint64_t)got : 0;
    return got;
}

/* Everything of each file named, or of `in` if none is: `take` gets it piece by piece, and once with null and
 * the file's name behind its end. */
static inline void app_each_file(int argc, char **argv,
                                 void (*take)(const char *name, const uint8_t *bytes, size_t len))
{
    static uint8_t piece[APP_READ_BYTES];
    for (int i = 1; i < (argc > 1 ? argc : 2); i++) {
        cap_file file = {0};
        uint64_t offset = 0;
        int32_t got;
        const char *name = argc > 1 ? argv[i] : "-";
        bool named = strcmp(name, "-") != 0;
        if (named && !app_open(name, (struct cap_open_flags){.read_only = true}, &file))
            continue;
        for (;;) {
            got = named ? app_read_file(name, file, offset, piece, sizeof piece)
                        : app_read_in(&offset, piece, sizeof piece);
            if (got <= 0)
                break;
            offset += named ? (uint64_t)got : 0;
            take(name, piece, (size_t)got);
        }
        if (got == 0)
            take(name, NULL, 0);
        if (named)
            (void)cap_release(file);
    }
}

/* A method of the directory that holds a path's last name, for each argument. */
static inline void app_each_path(int argc, char **argv, void (*act)(const char *text, struct path *path))
{
    for (int i = 1; i < argc; i++) {
        struct path path;
        if (!app_walk(argv[i], false, &path))
            continue;
        act(argv[i], &path);
        path_done(&path);
    }
}
