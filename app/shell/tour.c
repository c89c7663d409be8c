/* help tour: what the system is about, in steps that really run. What the steps make they take away again,
 * also when somebody leaves in the middle. */
#include "shell.h"
#include <string.h>

struct step_of_tour {
    const char *text;
    const char *line;
    bool refused; /* the point of the step */
};

static const struct step_of_tour steps[] = {
    {"Welcome. This takes five minutes, and everything in it really happens.\n"
     "\n"
     "Elsewhere a program may do whatever its user may do. Here a program can use what it was given, and\n"
     "nothing else: objects, which are called capabilities. This shell is a program too. It was given these:",
     "caps", false},
    {"What stands behind each name is its interface: what can be asked of it. A Timer, for one, can be "
     "asked:",
     "inspect @timer", false},
    {"So let us ask. Questions and answers have types, and the shell knows them all:", "@timer.now()", false},
    {"@root is a Directory: what is in it, and nothing besides. No path leads to it from elsewhere, and "
     "none\n"
     "leads out of it. Let us build a room in it:",
     "@root.mkdir(\"tour\")", false},
    {"An answer can be a capability. let gives it a name:", "let room = @root.sub(\"tour\")", false},
    {"GRANTING\n"
     "echo is a program that writes its arguments. It gets one thing here, a file to write to. No room, no\n"
     "clock, not even this terminal:",
     "run echo \"The cake is in the oven.\" with { out: @room.open(\"note\", [create]) }", false},
    {"cat gets this terminal to write to, and the room to look for files in:",
     "run cat note with { out: @out, root: @room }", false},
    {"REFUSING\n"
     "The same without the room. Nobody has forbidden cat anything; there is nothing for it to look in:",
     "run cat note with { out: @out }", true},
    {"Nor can anybody give away what they do not hold:", "run cat note with { out: @out, root: @treasure }",
     true},
    {"ATTENUATING\n"
     "Most programs need less than you have. From a capability comes another one that can do less. This one\n"
     "is the room to look at and not to touch:",
     "let view = @room readonly", false},
    {"Reading is all that cat wants, so cat is content with it:",
     "run cat note with { out: @out, root: @view }", false},
    {"rm is not. It is the room that refuses, whatever the program is and whoever runs it:",
     "run rm note with { out: @out, root: @view }", true},
    {"REVOKING\n"
     "What you give away is gone, unless you lend it. A loan can be used like the room,",
     "let loan = @room revocable", false},
    {"and given to anybody,", "run cat note with { out: @out, root: @loan }", false},
    {"until you want it back. Then every copy of it ends, in whoever's hands it is:", "revoke @loan", false},
    {"What was a room a moment ago answers nobody any more:", "run cat note with { out: @out, root: @loan }",
     true},
    {"That is all there is to it: hold, grant, attenuate, revoke. Nothing in this system works otherwise; "
     "files,\n"
     "the terminal and this shell are ordinary programs that were given what you have seen.\n"
     "Where to go from here: trace cat FILE shows what a program asks of the system, inspect @root what else "
     "a\n"
     "Directory can do, help the rest. Now we tidy up:",
     NULL, false},
};

static const struct step_of_tour tidying[] = {
    {NULL, "@room.remove(\"note\")", false},
    {NULL, "@root.remove(\"tour\")", false},
    {NULL, "drop @room", false},
    {NULL, "drop @view", false},
    {NULL, "drop @loan", false},
};

/* False: enough. */
static bool pause(void)
{
    static char answer[SYNTAX_LINE_MAX + 1];
    size_t len;
    if (shell.terminal.id == 0 || shell.script != NULL)
        return true;
    return shell_read_line("-- Enter goes on, q leaves -- ", answer, &len) && !shell.line_interrupted &&
           (len == 0 || answer[0] != 'q');
}

static void take(const struct step_of_tour *step)
{
    if (step->text != NULL)
        shell_print("\n%s\n", step->text);
    if (step->line == NULL)
        return;
    shell_print("> %s\n", step->line);
    bool good = shell_run_line(step->line, strlen(step->line));
    if (!good && !step->refused)
        shell_print("(That should have worked; the tour goes on.)\n");
}

/* The tour's names are not somebody's already. */
static bool has_room(void)
{
    static const char *const names[] = {"room", "view", "loan"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names_find(&shell.names, capnp_text_of(names[i])) == NULL)
            continue;
        shell_print("The tour makes a @%s of its own; drop @%s makes way for it.\n", names[i], names[i]);
        return false;
    }
    return true;
}

void tour_run(void)
{
    enum { STEPS = sizeof steps / sizeof steps[0], TIDYING = sizeof tidying / sizeof tidying[0] };
    bool leaves = !has_room();
    if (leaves)
        return;
    for (size_t i = 0; i < STEPS && !leaves; i++) {
        leaves = i > 0 && !pause();
        if (!leaves)
            take(&steps[i]);
    }
    for (size_t i = 0; i < TIDYING; i++) {
        const char *at = strchr(tidying[i].line, '@');
        const char *dot = strchr(at, '.');
        size_t len = dot == NULL ? strlen(at + 1) : (size_t)(dot - at) - 1;
        if (names_find(&shell.names, capnp_text_n(at + 1, len)) != NULL)
            take(&tidying[i]);
    }
}
