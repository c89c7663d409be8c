/* help tour: what the system is about, in steps that really run. What the steps make they take away again. */
#include "shell.h"
#include <string.h>

static const struct {
    const char *text;
    const char *line;
    bool refused; /* the point of the step */
} steps[] = {
    {"A program here can use only what it was given. This is what this shell was given, and where from:",
     "caps", false},
    {"Each is an object with methods. What a Timer can do, according to its schema:", "inspect @timer",
     false},
    {"Methods are called with typed arguments, and answer typed results:", "@timer.now()", false},
    {"@root is a Directory. There is no path to it from anywhere else, and no way up out of it. A directory "
     "in it:",
     "@root.mkdir(\"tour\")", false},
    {"The result of a call can be a capability itself. `let` keeps it under a name:",
     "let room = @root.sub(\"tour\")", false},
    {"GRANTING. echo gets one thing, a File to write to. It could not even reach the terminal:",
     "run echo hello with { out: @room.open(\"note\", (create = true)) }", false},
    {"cat gets the terminal's or console's stream, and of all files only those in this room:",
     "run cat note with { out: @out, root: @room }", false},
    {"REFUSING. The same without the room. It was not given, so for cat there are no files:",
     "run cat note with { out: @out }", true},
    {"Nobody can pass on what he does not hold:", "run cat note with { out: @out, root: @treasure }", true},
    {"ATTENUATING. From a capability you can make one that does less. This one cannot write,",
     "let view = @room readonly", false},
    {"so whoever has it cannot remove the note, whatever program it runs:",
     "run rm note with { out: @out, root: @view }", true},
    {"REVOKING. What you have lent you can take back, if you thought of it when you lent it:",
     "let loan = @room revocable", false},
    {"As long as the loan lasts it works:", "run cat note with { out: @out, root: @loan }", false},
    {"Now every copy of it, in whoever's hands, ends:", "revoke @loan", false},
    {"and what was a directory a moment ago answers nothing any more:", "@loan.stat(\"note\")", true},
    {"That is all. Tidying up:", "@room.remove(\"note\")", false},
    {NULL, "@root.remove(\"tour\")", false},
    {NULL, "drop @room", false},
    {NULL, "drop @view", false},
    {NULL, "drop @loan", false},
};

static bool pause(void)
{
    static char answer[SYNTAX_LINE_MAX + 1];
    size_t len;
    if (shell.terminal.id == 0 || shell.script != NULL)
        return true;
    return shell_read_line("-- Enter goes on, q leaves -- ", answer, &len) && (len == 0 || answer[0] != 'q');
}

void tour_run(void)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].text != NULL && i > 0 && !pause())
            return;
        if (steps[i].text != NULL)
            shell_print("\n%s\n", steps[i].text);
        shell_print("> %s\n", steps[i].line);
        bool good = shell_run_line(steps[i].line, strlen(steps[i].line));
        if (!good && !steps[i].refused)
            shell_print("(That should have worked; the tour goes on.)\n");
    }
}
