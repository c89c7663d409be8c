#include "help.h"
#include "commands.h"
#include "suggest.h"
#include <capnp/show.h>
#include <string.h>

struct topic {
    const char *word;
    const char *usage; /* for the list; null: not in it */
    const char *short_text;
    const char *text; /* what `help WORD` says besides */
};

static const struct topic topics[] = {
    {"caps", "caps", "what the shell holds, and where each comes from",
     "A capability is an object and the right to call it. What is not in this list cannot be used, and "
     "cannot\n"
     "be given to a program. Behind the name stand its interface and its origin: \"granted\" came with the\n"
     "shell, other origins are the calls of this session that gave it.\n"},
    {"inspect", "inspect @NAME | INTERFACE", "its methods, with types",
     "  inspect @root        inspect Directory        inspect @root.sub(\"x\")\n"
     "What stands in brackets behind a method's name goes in, what stands behind -> comes out.\n"},
    {"call", "@NAME.METHOD(ARGUMENTS)", "calls a method (the same: call @NAME...)",
     "  @timer.now()\n"
     "  call @root.open(name = \"a\", flags = [create])\n"
     "  @root.sub(\"x\").readOnly().list(0, 10)      on what a call gave\n"
     "Arguments are name = value, or bare in the order of the method's fields; what is left out has its\n"
     "default. help values shows how values are written. Ctrl-C ends a call that takes too long.\n"},
    {"let", "let x = @NAME...", "keeps the capability that a call gives",
     "  let f = call @root.open(\"a\", [create])\n"
     "  let r, w = @ipc.createPipe(4096)     several, in the order of the results\n"
     "  let view = @root readonly\n"
     "What a call gives is dropped behind the line unless it has a name by then.\n"},
    {"readonly", "@NAME readonly", "the same object, which cannot be written through this",
     "  let view = @root readonly\n"
     "  run cat note with { out: @out, root: @root readonly }\n"
     "Calls the object's method readOnly, if its interface has one: what comes back is another object with\n"
     "less authority. Whatever is obtained through it cannot write either.\n"},
    {"revocable", "@NAME revocable", "the same object, to be taken back with revoke",
     "  let loan = @root revocable           revoke @loan\n"
     "Makes a facet that stands for the object until it is revoked.\n"},
    {"revoke", "revoke @x", "ends every copy of what was made revocable",
     "Also the copies that programs were given. Who calls one gets an error from then on.\n"},
    {"drop", "drop @x", "gives a capability up",
     "The name is free again. Others who hold the same object keep it.\n"},
    {"PROGRAM", "PROGRAM ARGUMENTS", "runs a program with what it usually needs",
     "  ls -l        cat a 'b c' \"d\\n\"\n"
     "help NAME says what a program is given when the line does not say. Ctrl-C ends it, not the shell.\n"},
    {"run", "run PROGRAM ... with { ... }", "runs it with exactly that",
     "  run cat note with { out: @out, root: @root.sub(\"x\") readonly }\n"
     "  run echo hello with { out: @root.open(\"note\", [create]) }\n"
     "In the braces stand the names under which the program finds its capabilities, and what is given under\n"
     "them. It gets nothing else. What the shell does not hold it cannot give.\n"},
    {"spawn", "spawn PROGRAM, PROGRAM &", "starts it in the background",
     "jobs lists what runs there, wait waits for it, kill ends it.\n"},
    {"trace", "trace PROGRAM ...", "runs it and shows its calls, and what they are answered",
     "  trace cat note\n"
     "Each line is a call by the program: the name of its capability, the method, arguments = results.\n"
     "Takes a Tracer among what the shell holds.\n"},
    {"jobs", "jobs, wait [N]..., kill [N]...",
     "what runs in the background; without N: wait for all, kill the last", NULL},
    {"wait", NULL, "waits for jobs, or for all", "  wait 1 3\nCtrl-C ends the waiting; the job goes on.\n"},
    {"kill", NULL, "ends jobs, or the last one",
     "  kill 1 3\nA job ends at once, whatever it is doing, with exit code 130.\n"},
    {"|", "a | b, a < FILE, a >> FILE", "pipes, and files in place of streams",
     "  cat a | hexdump | cat > dump\n"
     "A pipe's ends are granted as out of the one and in of the other. A file is looked for in @root; its\n"
     "program gets that File and not the Directory. > begins an empty file, >> goes on at its end. What a\n"
     "program complains of still comes to the terminal, which it is granted as err.\n"},
    {"values", NULL, "12 -3 0x1f 1.5 true null \"text\" 0x\"00ff\" word [list] (field = value) @NAME",
     "  numbers       12  -3  0x1f  1.5\n"
     "  Bool          true  false\n"
     "  Text, Data    \"a\\n\\\"b\\\"\"  and for Data also 0x\"00ff\"\n"
     "  an enum       the word\n"
     "  a list        [1, 2, 3]\n"
     "  a struct      (name = value, ...); if all its fields are Bool, also [those, that, are, true]\n"
     "  a capability  @name, with calls behind it if you like\n"
     "  default       null\n"},
    {"keys", NULL, "what the keyboard does",
     "  Tab                    completes commands, programs, @names, methods, files\n"
     "  arrows up, down        earlier lines; Ctrl-R searches them\n"
     "  Ctrl-A, Ctrl-E         to the line's beginning, end (twice Ctrl-A under capos run)\n"
     "  Ctrl-W, Ctrl-U         removes the word, all before the cursor; Ctrl-Y brings it back\n"
     "  Ctrl-C                 ends the program or call that runs, or forgets the line\n"
     "  Ctrl-D                 on an empty line: the end\n"
     "  Ctrl-A x               leaves capos run, whatever the system does\n"},
    {"tour", NULL, "granting, refusing, attenuating and revoking, in five minutes", NULL},
    {"help", "help [NAME]", "this, or about a command, a program, an interface, values, keys", NULL},
    {"exit", "exit [CODE]", "ends the shell, and with it the system", NULL},
};

enum { TOPIC_COUNT = sizeof topics / sizeof topics[0] };

const char *help_topic(size_t index)
{
    return index < TOPIC_COUNT ? topics[index].word : NULL;
}

/* ---- Interfaces. */

static void print_doc(struct eval *eval, const char *doc, const char *indent)
{
    while (doc != NULL && *doc != '\0') {
        const char *end = strchr(doc, '\n');
        size_t len = end == NULL ? strlen(doc) : (size_t)(end - doc);
        eval_print(eval, "%s# %.*s\n", indent, (int)len, doc);
        doc += len + (end != NULL);
    }
}

/* `(name :Type, name :Type)` */
static void print_fields(struct eval *eval, uint64_t node_id)
{
    const struct capnp_schema *schema = &eval->system->schema;
    struct capnp_show show = {.schema = schema, .write = eval->system->write, .self = eval->system->self};
    eval_print(eval, "(");
    for (uint32_t i = 0;; i++) {
        const struct capnp_schema_node *node = schema->find(schema->self, node_id);
        if (node == NULL || node->kind != CAPNP_NODE_STRUCT || i >= node->count)
            break;
        struct capnp_schema_field field = node->fields[i];
        eval_print(eval, "%s%s :", i == 0 ? "" : ", ", field.name);
        capnp_show_type(&show, &field);
    }
    eval_print(eval, ")");
}

bool help_interface(struct eval *eval, uint64_t interface_id, uint32_t at, uint32_t len)
{
    const struct capnp_schema *schema = &eval->system->schema;
    const struct capnp_schema_node *node = schema->find(schema->self, interface_id);
    if (node == NULL || node->kind != CAPNP_NODE_INTERFACE)
        return problem_set(&eval->line->problem, at, len, "the registry does not know interface 0x%016llx",
                           (unsigned long long)interface_id);
    eval_print(eval, "%s (0x%016llx)\n", node->name, (unsigned long long)node->id);
    print_doc(eval, node->doc, "  ");
    for (uint32_t i = 0; i < node->count; i++) {
        eval_print(eval, "  %s", node->methods[i].name);
        print_fields(eval, node->methods[i].params);
        eval_print(eval, " -> ");
        print_fields(eval, node->methods[i].results);
        eval_print(eval, "\n");
        print_doc(eval, node->methods[i].doc, "      ");
    }
    return true;
}

/* ---- The list, and one word. */

static bool help_list(struct eval *eval)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        if (topics[i].usage != NULL)
            eval_print(eval, "%-29s%s\n", topics[i].usage, topics[i].short_text);
    eval_print(eval, "Programs:");
    for (const struct program *program = programs; program->name != NULL; program++)
        eval_print(eval, " %s", program->name);
    eval_print(eval, "\nNew here? help tour takes five minutes.\n");
    return true;
}

static bool help_program(struct eval *eval, const struct program *program)
{
    const char *separator = program->with[0] == '\0' ? "" : ", ";
    eval_print(eval, "%s%s%s - %s; %s --help says more\n", program->name,
               program->arguments[0] == '\0' ? "" : " ", program->arguments, program->what, program->name);
    eval_print(eval, "It is given { out: the terminal%s%s%s }, unless with { } says otherwise.\n",
               program->reads ? ", in: the terminal" : "", separator, program->with);
    return true;
}

static bool help_on_topic(struct eval *eval, const struct topic *topic)
{
    eval_print(eval, "%s - %s\n%s", topic->usage == NULL ? topic->word : topic->usage, topic->short_text,
               topic->text == NULL ? "" : topic->text);
    return true;
}

static bool refuse_topic(struct eval *eval)
{
    const struct line *line = eval->line;
    struct suggestion meant;
    suggest_begin(&meant, line->word);
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        suggest_offer(&meant, topics[i].word);
    for (const struct program *program = programs; program->name != NULL; program++)
        suggest_offer(&meant, program->name);
    return problem_set(&eval->line->problem, line->word_at, line->word_len,
                       "there is no command, program or interface of that name%s%s%s",
                       meant.best == NULL ? "; help lists what there is" : "; did you mean ",
                       meant.best == NULL ? "" : meant.best, meant.best == NULL ? "" : "?");
}

/* The signs between programs have one text. */
static bool is_sign(struct capnp_text word)
{
    return syntax_text_is(word, "<") || syntax_text_is(word, ">") || syntax_text_is(word, ">>") ||
           syntax_text_is(word, "pipe") || syntax_text_is(word, "pipes");
}

bool help_run(struct eval *eval)
{
    const struct line *line = eval->line;
    struct capnp_text word = line->word;
    struct held held;
    if (line->cap != NULL)
        return eval_cap(eval, line->cap, &held) &&
               help_interface(eval, held.interface_id, line->cap->at, line->cap->len);
    if (word.len == 0)
        return help_list(eval);
    if (is_sign(word))
        word = capnp_text_of("|");
    if (syntax_text_is(word, "&"))
        word = capnp_text_of("spawn");
    if (syntax_text_is(word, "with"))
        word = capnp_text_of("run");
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        if (syntax_text_is(word, topics[i].word))
            return help_on_topic(eval, &topics[i]);
    const struct program *program = program_named(word);
    if (program != NULL)
        return help_program(eval, program);
    uint64_t interface_id = eval->system->interface_named(eval->system->self, word);
    return interface_id != 0 ? help_interface(eval, interface_id, line->word_at, line->word_len)
                             : refuse_topic(eval);
}
