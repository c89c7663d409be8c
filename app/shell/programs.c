/* What the shell knows of the system's small programs. */
#include "commands.h"

const struct program programs[] = {
    {"ls", "[-l] [-d] [PATH]...", "lists directories", "root: @root readonly", false},
    {"cat", "[-n] [FILE]...", "writes files, or what it reads, to out", "root: @root readonly", true},
    {"echo", "[-n] [WORD]...", "writes its arguments", "", false},
    {"cp", "[-r] FROM... TO", "copies files, and with -r directories", "root: @root", false},
    {"mv", "FROM... TO", "gives files and directories another name or place", "root: @root", false},
    {"rm", "[-rf] PATH...", "removes files, and with -r directories", "root: @root", false},
    {"mkdir", "[-p] PATH...", "makes directories", "root: @root", false},
    {"stat", "PATH...", "says what is known of a file", "root: @root readonly", false},
    {"hexdump", "[FILE]...", "shows bytes in hexadecimal", "root: @root readonly", true},
    {"sha256sum", "[FILE]...", "prints checksums", "root: @root readonly", true},
    {"date", "[+FORMAT]", "prints the date and time (UTC)", "clock: @clock", false},
    {"sleep", "SECONDS", "does nothing for so long", "timer: @timer", false},
    {"ps", "", "lists the processes", "system: @system", false},
    {"free", "[-m]", "says how much memory there is", "system: @system", false},
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
