/*
 * capos-wasm: validates, runs, disassembles and describes WebAssembly modules, and replays the
 * specification's tests. Exit status: 0; 1 usage; 2 the module is refused; 3 it trapped; or what the program
 * passed to proc_exit.
 */
#include "tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    fputs("usage: capos-wasm validate FILE\n"
          "       capos-wasm run FILE [--invoke NAME ARG...] [--fuel N] [--dump-state] [-- PROGRAM-ARG...]\n"
          "       capos-wasm disassemble FILE\n"
          "       capos-wasm info FILE\n"
          "       capos-wasm spectest FILE.json...\n"
          "FILE is .wasm, or .wat (through wat2wasm).\n",
          stderr);
    return EXIT_USAGE;
}

static bool parse_fuel(const char *text, uint64_t *fuel)
{
    char *end;
    errno = 0;
    *fuel = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == 0;
}

/* Reads the options behind `run FILE`; args is moved down over the ones that are not the function's. */
static bool parse_run(int argc, char **argv, struct run_options *options)
{
    options->args = argv;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            options->args = argv + i + 1;
            options->arg_count = argc - i - 1;
            return options->invoke == NULL;
        }
        if (strcmp(argv[i], "--invoke") == 0 && i + 1 < argc && options->invoke == NULL)
            options->invoke = argv[++i];
        else if (strcmp(argv[i], "--fuel") == 0 && i + 1 < argc && parse_fuel(argv[i + 1], &options->fuel))
            i++;
        else if (strcmp(argv[i], "--dump-state") == 0)
            options->dump_state = true;
        else if (strncmp(argv[i], "--", 2) != 0 && options->invoke != NULL)
            options->args[options->arg_count++] = argv[i];
        else
            return false;
    }
    return true;
}

static int module_command(const char *command, const char *path)
{
    struct file file;
    struct wasm_module *module;
    struct wasm_error error;
    int status = EXIT_OK;
    if (!file_open(path, &file))
        return EXIT_REFUSED;
    if (wasm_module_load(&tool_platform, file.bytes, file.size_bytes, &module, &error) != WASM_OK) {
        error_print(path, &error);
        file_close(&file);
        return EXIT_REFUSED;
    }
    if (strcmp(command, "disassemble") == 0)
        status = disassemble_command(path, module, &file);
    else if (strcmp(command, "info") == 0)
        status = info_command(path, module);
    wasm_module_destroy(module);
    file_close(&file);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return usage();
    const char *command = argv[1];
    if (strcmp(command, "spectest") == 0)
        return spectest_command(argv + 2, argc - 2);
    if (strcmp(command, "run") == 0) {
        struct run_options options = {.path = argv[2], .fuel = WASM_FUEL_UNLIMITED};
        return parse_run(argc - 3, argv + 3, &options) ? run_command(&options) : usage();
    }
    if (argc == 3 && (strcmp(command, "validate") == 0 || strcmp(command, "disassemble") == 0 ||
                      strcmp(command, "info") == 0))
        return module_command(command, argv[2]);
    return usage();
}
