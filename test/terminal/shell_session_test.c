/*
 * The real `capos run`, the shell, on a pseudo-terminal (person.h): what a person types, what they see.
 *
 *   shell_session_test CAPOS
 */
#include "person.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 56, COLUMNS = 110, FAILING_LINES = 2000, LINES_AT_ONCE = 20 };

#define CTRL_A "\001\001" /* capos wants it twice */
#define CTRL_C "\003"
#define CTRL_D "\004"
#define CTRL_L "\f"
#define CTRL_U "\025"
#define UP     "\033[A"
#define DOWN   "\033[B"
#define LEFT   "\033[D"
#define RIGHT  "\033[C"
#define END    "\033[F"

static char *capos;

static void prompt(void)
{
    person_expect_cursor(">", 2);
}

static void begin(const char *name)
{
    char *const argv[] = {capos, "run", NULL};
    person_start("shell", name, argv, ROWS, COLUMNS);
    person_expect("capOS. help lists the commands, help tour shows what it is about.");
    prompt();
}

static void end(void)
{
    prompt();
    person_type(CTRL_D);
    person_finish(0);
}

/* On an empty screen: a line, and what is to be seen before the next prompt, in rows up to null. */
static void ask(const char *line, ...)
{
    va_list rows;
    prompt();
    person_type(CTRL_L);
    while (!person_failed && person_screen.row != 0)
        person_watch(10);
    person_type(line);
    person_type("\r");
    va_start(rows, line);
    for (const char *row; (row = va_arg(rows, const char *)) != NULL;)
        person_expect(row);
    va_end(rows);
    while (!person_failed && person_screen.row == 0)
        person_watch(10);
    prompt();
}

/* ---- Looking and calling. */

static void looking(void)
{
    begin("caps, inspect, calls with typed results, let");
    ask("caps", "@timer        Timer                granted", "@root         Directory            granted",
        "@out          StdIO                TerminalSession.stdio", NULL);
    ask("inspect @timer", "  now() -> (monotonicNs :UInt64, tick :UInt64)",
        "      # The same to an absolute time; a time in the past completes at once.", NULL);
    ask("inspect File", "  truncate(size :UInt64) -> (status :FsStatus)", NULL);
    ask("call @timer.now()", NULL);
    person_expect_like("^monotonicNs = [0-9]+, tick = [0-9]+$");
    ask("@root.stat(\"\").info", NULL);
    person_expect("expected '(' after a method's name");
    ask("let f = call @root.open(name = \"a\", flags = [create])", "@f is a File", NULL);
    ask("@f.write(offset = 0, data = \"h\\xc3\\xa9llo\\n\")", "status = ok, written = 7", NULL);
    ask("cat a", "h\303\251llo", NULL);
    ask("let a, b = @ipc.createPipe(4096)", "@a is a PipeReader", "@b is a PipeWriter", NULL);
    ask("help revoke", "revoke @x - ends every copy of what was made revocable", NULL);
    ask("help", "New here? help tour takes five minutes.", NULL);
    end();
}

static void granting(void)
{
    begin("grants, refusals, attenuation");
    ask("mkdir room", NULL);
    ask("run echo hello with { out: @root.sub(\"room\").open(\"note\", [create]) }", NULL);
    ask("run cat note with { out: @out, root: @root.sub(\"room\") readonly }", "hello", NULL);
    ask("run cat room/note with { out: @out }",
        "cat: needs a Directory named root; run cat with { out: @out, root: @root }", "cat ended with 1",
        NULL);
    ask("run cat ../note with { out: @out, root: @treasure }",
        "                                          ^^^^^^^^^",
        "the shell holds nothing called treasure; caps lists what it holds", NULL);
    ask("let view = @root.sub(\"room\") readonly", "@view is a Directory", NULL);
    ask("run rm note with { out: @out, root: @view }", "rm: note: the capability is read-only", NULL);
    ask("@view.open(\"x\", [create])", "status = readOnly, file = null, linkText = \"\"", NULL);
    ask("@timer.nw()", "         ^^", "Timer has no method nw; it has now, sleep, sleepUntil, mapClock",
        NULL);
    ask("@timer.sleep(\"x\")", "               ^", "Timer.sleep: durationNs: expected UInt64, not a text",
        NULL);
    ask("@root.rename(\"a\", @timer, \"b\")", "Directory.rename: to: expected Directory, and this is Timer",
        NULL);
    ask("run ls with { root: 3 }", "only a capability can be given: @name", NULL);
    ask("drop @terminal", "the shell itself works with @terminal", NULL);
    end();
}

static void revoking(void)
{
    begin("revoked capabilities, one's own and a child's");
    ask("let loan = @root revocable", "@loan is a Directory", NULL);
    ask("revoke @loan", "@loan and every copy of it are revoked", NULL);
    ask("@loan.stat(\"\")", "Directory.stat: the capability was revoked", NULL);
    ask("run ls with { out: @out, root: @loan }", "ls: .: the capability was revoked", NULL);
    ask("revoke @timer", "nothing to revoke it with: let x = @timer revocable makes one that can be", NULL);
    ask("let r, w = @ipc.createPipe(4096)", NULL);
    ask("let lent = @r revocable", "@lent is a PipeReader", NULL);
    ask("spawn cat with { out: @out, in: @lent }", "[1] cat with { out: @out, in: @lent }", NULL);
    ask("@w.write(\"through the loan\\n\")", "through the loan", NULL);
    ask("revoke @lent", NULL);
    ask("wait", "[1] ended with 1: cat with { out: @out, in: @lent }", NULL);
    end();
}

/* ---- Keys. */

static void completing(void)
{
    begin("Tab completes commands, names, methods, files");
    person_type("ins\t@tim\t");
    person_expect_cursor("> inspect @timer", 16);
    person_type(CTRL_U "@timer.no\t)\r");
    person_expect_like("^monotonicNs");
    prompt();
    person_type("mkdir -p folder/inside\r");
    prompt();
    person_type("echo x > folder/inside/filename\r");
    prompt();
    person_type("cat fo\tin\tfi\t");
    person_expect_cursor("> cat folder/inside/filename", 29);
    person_type("\r");
    person_expect("x");
    prompt();
    person_type("help sha\t\r");
    person_expect_like("^sha256sum \\[FILE\\]");
    prompt();
    person_type("inspect Direc\t");
    person_expect_cursor("> inspect Directory", 20);
    person_type(CTRL_U "ls -l | hexd\t");
    person_expect_cursor("> ls -l | hexdump", 18);
    person_type(CTRL_U "run cat with { root: @ro\t");
    person_expect_cursor("> run cat with { root: @root", 28);
    person_type(CTRL_U);
    end();
}

static void remembering(void)
{
    begin("history");
    ask("echo one", "one", NULL);
    ask("echo two", "two", NULL);
    person_type(UP UP);
    person_expect_cursor("> echo one", 10);
    person_type(DOWN "\b\b\bthree\r");
    person_expect("three");
    prompt();
    person_type("\022one\r");
    person_expect("one");
    end();
}

static void interrupting(void)
{
    begin("Ctrl-C ends the child or the call, not the shell");
    person_type("cat\r");
    person_expect_cursor("", 0);
    person_type("echoed by cat\r");
    person_expect("echoed by cat");
    person_type(CTRL_C);
    prompt();
    ask("let f = @root.open(\"big\", [create])", NULL);
    ask("@f.truncate(1000000000)", "status = ok", NULL);
    person_type("sha256sum big\r");
    person_watch(500);
    person_type(CTRL_C);
    prompt();
    person_type("cat big | cat | sha256sum\r");
    person_watch(500);
    person_type(CTRL_C);
    prompt();
    person_type("@timer.sleep(100000000000)\r");
    person_watch(300);
    person_type(CTRL_C);
    person_expect("Timer.sleep: interrupted");
    prompt();
    ask("sleep 1000 &", "[1] sleep 1000", NULL);
    person_type("wait\r");
    person_watch(300);
    person_type(CTRL_C);
    prompt();
    ask("jobs", "[1] running: sleep 1000", NULL);
    person_type("trace sleep 1000\r");
    person_expect("    timer.sleep(durationNs = 1000000000000) <unfinished ...>  [cap#2]");
    person_type(CTRL_C);
    prompt();
    person_type("this is not what I meant" CTRL_C);
    person_expect("> this is not what I meant^C");
    ask("kill 1", "[1] killed: sleep 1000", NULL);
    end();
}

/* ---- Programs. */

static void jobs_in_the_background(void)
{
    begin("jobs, wait, kill");
    ask("jobs", "Nothing runs in the background; PROGRAM & starts something there.", NULL);
    ask("sleep 100 &", "[1] sleep 100", NULL);
    ask("spawn sleep 0.2", "[2] sleep 0.2", NULL);
    ask("wait 2", "[2] done: sleep 0.2", NULL);
    ask("kill", "[1] killed: sleep 100", NULL);
    ask("wait 7", "there is no job 7; jobs lists them", NULL);
    ask("sleep 3 &", "[1] sleep 3", NULL);
    ask("sleep 2 &", "[2] sleep 2", NULL);
    ask("sleep 300 &", "[3] sleep 300", NULL);
    ask("kill 3 4", "there is no job 4; jobs lists them", NULL); /* and nothing is done */
    ask("jobs", "[3] running: sleep 300", NULL);
    ask("wait 2 1", "[2] done: sleep 2", "[1] done: sleep 3", NULL);
    ask("sleep 400 &", "[1] sleep 400", NULL);
    ask("kill 3 1 3", "[3] killed: sleep 300", "[1] killed: sleep 400", NULL);
    ask("kill 1 2 3 4 5 6 7 8 9", "there are at most 8 jobs", NULL);
    ask("kill", "nothing runs in the background", NULL);
    for (int i = 0; i < 8; i++)
        ask("sleep 100 &", NULL);
    ask("sleep 100 &", "8 jobs are running and no more fit; wait or kill ends some", NULL);
    for (int i = 0; i < 8; i++)
        ask("kill", NULL);
    ask("jobs", "Nothing runs in the background; PROGRAM & starts something there.", NULL);
    end();
}

static void streams(void)
{
    begin("pipes and files");
    ask("echo b > f", NULL);
    ask("echo a >> f", NULL);
    ask("cat < f", "b", "a", NULL);
    ask("ls | hexdump", "00000000  66 0a                                             |f.|", NULL);
    ask("cat f | cat | sha256sum > sum", NULL);
    ask("sha256sum f", NULL);
    ask("cat sum", "aea8a04c2f293417e499bf5de2def8ebb1ed40264d128a67180ea56fbe4600ff  -", NULL);
    ask("cat nothing > f", "cat: nothing: no such file or directory", NULL);
    ask("cat < nothing", "nothing: no such file or directory", NULL);
    ask("trace cat f",
        "    root.open(name = \"f\", flags = (readOnly = true)) = (file = cap#4) {gets cap#4 File}"
        "  [cap#3]",
        "    +++ exited with code 0", NULL);
    ask("ps", NULL);
    person_expect_like("^ +[0-9]+ +1 +[0-9]+ +[0-9]+ +[0-9]+ ps$");
    end();
}

/* ---- A whole session with mistakes. */

static void mistakes(void)
{
    begin("a session that types mistakes");
    ask("hlep", "hlep: there is no such program or command; did you mean help?", NULL);
    ask("sl", "sl: there is no such program or command; did you mean ls?", NULL);
    ask("bogus", "bogus: there is no such program or command; help lists them", NULL);
    ask("timer.now()", "there is no such program; a capability is written @timer.now()", NULL);
    ask("@tiemr.now()", "the shell holds nothing called tiemr; did you mean @timer?", NULL);
    ask("@timer.now", "            ^", "expected '(' after a method's name", NULL);
    ask("@timer.now(", "expected a value", NULL);
    ask("call timer", "       ^", "expected a capability, as in @timer", NULL);
    ask("let = @root", "expected a name after let", NULL);
    ask("let x @root", "expected '=' after the name", NULL);
    ask("ls |", "expected a program's name", NULL);
    ask("ls >", "expected a file's name after '>'", NULL);
    ask("ls > a > b", "there is a file for '>' already", NULL);
    ask("echo \"open", "       ^", "this text does not end", NULL);
    ask("cat 'it", "this text does not end", NULL);
    ask("run ls with { root @root }", "expected a name and ':', as in { out: @console }", NULL);
    ask("run ls with { root: @root", "expected ',' or '}'", NULL);
    ask("@root.open(\"a\", create)", "Directory.open: flags: expected OpenFlags, not a word; write [create]",
        NULL);
    ask("wait x", "expected digits", NULL);
    ask("help insepct", "there is no command, program or interface of that name; did you mean inspect?",
        NULL);
    ask("mkdir", "mkdir: it takes PATH...; mkdir --help says more", NULL);
    ask("ls --long", "ls: there is no option --long; ls --help says what there is", NULL);
    person_type("ehco" LEFT LEFT "\b" RIGHT "h" END " mended\r"); /* echo, in the end */
    person_expect("mended");
    ask("   # only a remark", NULL);
    ask("", NULL);
    end();
}

/* ---- The terminal. */

static void window_size(void)
{
    begin("the window's size is followed");
    ask("@terminal.size()", "size = (columns = 110, rows = 56)", NULL);
    person_type("a line that was being typed");
    person_expect_cursor("> a line that was being typed", 29);
    person_resize(40, 90);
    person_watch(500);
    person_type(CTRL_U);
    ask("@terminal.size()", "size = (columns = 90, rows = 40)", NULL);
    end();
}

static void leaving(void)
{
    begin("exit with a code");
    person_type("exit 5\r");
    person_finish(5);
    begin("Ctrl-D does not end a line that was begun");
    person_type("echo x" CTRL_D);
    person_expect_cursor("> echo x", 8);
    person_type("\r");
    person_expect("x");
    end();
    begin("Ctrl-D is the end for a program first");
    person_type("cat | sha256sum\r");
    person_expect_cursor("", 0);
    person_type("abc\r");
    person_type(CTRL_D);
    person_expect("edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb  -");
    end();
    begin("Ctrl-A x leaves while a program runs");
    person_type("sleep 1000\r");
    person_watch(300);
    person_type("\001x");
    person_finish(PERSON_LEFT);
}

/* The tour with a person who reads it. */
static void tour(void)
{
    begin("the tour");
    person_type("help tour\r");
    for (int step = 0; step < 16; step++) {
        person_expect_cursor("-- Enter goes on, q leaves --", 30);
        person_type("\r");
    }
    person_expect("That is all there is to it: hold, grant, attenuate, revoke. Nothing in this system works "
                  "otherwise; files,");
    person_expect("@loan is gone");
    ask("ls", NULL);
    person_expect_gone("tour/");
    person_type("help tour\r");
    for (int step = 0; step < 7; step++) {
        person_expect_cursor("-- Enter goes on, q leaves --", 30);
        person_type("\r");
    }
    person_expect_cursor("-- Enter goes on, q leaves --", 30);
    person_type("q\r");
    person_expect("@room is gone");
    ask("ls", NULL);
    person_expect_gone("tour/");
    person_type("help tour\r");
    person_expect_cursor("-- Enter goes on, q leaves --", 30);
    person_type(CTRL_C);
    prompt();
    person_expect_gone("> inspect @timer");
    end();
}

/* ---- Nothing stays behind. */

/* The row that ps prints for the shell: kibibytes and capabilities. */
static void look_at_shell(unsigned *kib, unsigned *caps)
{
    ask("ps", NULL);
    person_expect_like(" shell$");
    *kib = *caps = 0;
    for (unsigned row = 0; row < person_screen.rows && !person_failed; row++) {
        const char *text = screen_row(&person_screen, row);
        size_t len = strlen(text);
        if (len > 6 && strcmp(text + len - 6, " shell") == 0 && strstr(text, "KIB") == NULL)
            (void)sscanf(text, "%*u %*u %u %u", kib, caps);
    }
}

static void failing_lines(void)
{
    static const char *const lines[] = {"@root.sub(\"d\").sub(\"x\").nothing()",
                                        "@root.open(\"d\").stat()",
                                        "let a, b = @root.sub(\"d\")",
                                        "run cat with { in: @nobody }",
                                        "cat < d",
                                        "ls | cat > d",
                                        "let l = @root.sub(\"d\") revocable x",
                                        "run ls with { root: @root.sub(\"d\"), root: @root }"};
    unsigned kib, caps, kib_after, caps_after;
    begin("2000 lines that fail leave nothing behind");
    ask("mkdir d", NULL);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ask(lines[i], NULL);
    look_at_shell(&kib, &caps);
    for (int i = 0; i < FAILING_LINES && !person_failed; i++) {
        person_type(lines[(size_t)i % (sizeof lines / sizeof lines[0])]);
        person_type("\r");
        if (i % LINES_AT_ONCE == LINES_AT_ONCE - 1) {
            char mark[40], shown[40];
            snprintf(mark, sizeof mark, "echo done %d\r", i);
            snprintf(shown, sizeof shown, "done %d", i);
            person_type(mark);
            person_expect(shown);
        }
    }
    look_at_shell(&kib_after, &caps_after);
    char detail[100];
    snprintf(detail, sizeof detail, "%u KiB and %u capabilities became %u and %u", kib, caps, kib_after,
             caps_after);
    if (kib == 0 || kib_after > kib || caps_after > caps)
        person_fail("the shell has grown:", detail);
    end();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"looking", looking},
    {"granting", granting},
    {"revoking", revoking},
    {"completing", completing},
    {"remembering", remembering},
    {"interrupting", interrupting},
    {"jobs", jobs_in_the_background},
    {"streams", streams},
    {"mistakes", mistakes},
    {"size", window_size},
    {"leaving", leaving},
    {"tour", tour},
    {"failing", failing_lines},
};

/* With further arguments only those cases. */
int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "shell_session_test CAPOS [CASE...]\n");
        return 2;
    }
    capos = argv[1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool wanted = argc == 2;
        for (int j = 2; j < argc; j++)
            wanted = wanted || strcmp(argv[j], cases[i].name) == 0;
        if (wanted)
            cases[i].run();
    }
    return person_all_good ? 0 : 1;
}
