/* What the shell knows of the system's small programs. */
#include "commands.h"

const struct program programs[] = {
    {"ls", "[-l] [PATH]", "lists a directory", "root: @root readonly", false},
    {"cat", "[FILE]...", "writes files, or what it reads, to out", "root: @root readonly", true},
    {"echo", "[WORD]...", "writes its arguments", "", false},
    {"cp", "FROM TO", "copies a file", "root: @root", false},
    {"mv", "FROM TO", "gives a file or directory another name", "root: @root", false},
    {"rm", "PATH...", "removes files and empty directories", "root: @root", false},
    {"mkdir", "PATH...", "makes directories", "root: @root", false},
    {"stat", "PATH...", "says what is known of a file", "root: @root readonly", false},
    {"hexdump", "[FILE]...", "shows bytes in hexadecimal", "root: @root readonly", true},
    {"sha256sum", "[FILE]...", "prints checksums", "root: @root readonly", true},
    {"date", "", "prints the date and time (UTC)", "clock: @clock", false},
    {"ps", "", "lists the processes", "system: @system", false},
    {"free", "", "says how much memory there is", "system: @system", false},
    {"uptime", "", "says how long the machine has been running", "system: @system", false},
    {NULL, NULL, NULL, NULL, false},
};

const struct program *program_named(struct capnp_text name)
{
    for (const struct program *program = programs; program->name != NULL; program++)
        if (syntax_text_is(name, program->name))
            return program;
    return NULL;
}
