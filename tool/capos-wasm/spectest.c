/*
 * `capos-wasm spectest`: replays what wast2json made of the specification's tests. Each file has a store of
 * its own. One line for each command that fails; commands about the text format are counted as skipped.
 */
#include "tool.h"
#include "json.h"
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 64, MODULES_MAX = 4096 };

/* A module of the file, from `module` commands: the latest is the default target of actions. */
struct loaded {
    struct file file;
    struct wasm_module *module;
    struct wasm_instance *instance; /* null if it could not be instantiated */
    const char *name;               /* "$name", or null */
    const char *registered;         /* under which others import from it, or null */
};

struct replay {
    const char *path;
    struct wasm_store *store;
    struct host_spectest spectest;
    struct loaded modules[MODULES_MAX];
    unsigned module_count;
    struct loaded *current;
    unsigned passed, failed, skipped;
    struct wasm_trap trap;
    struct wasm_error error;
    char why[256];
};

/* ---- modules ---------------------------------------------------------------------------------------------
 */

static bool resolve(void *context, const struct wasm_import *import, struct wasm_extern *found)
{
    struct replay *replay = context;
    for (unsigned i = replay->module_count; i-- > 0;) {
        const struct loaded *loaded = &replay->modules[i];
        if (loaded->registered != NULL && wasm_name_equal(import->module, loaded->registered))
            return wasm_instance_export(loaded->instance, import->name.bytes, import->name.size_bytes, found);
    }
    return host_spectest_resolve(&replay->spectest, import, found);
}

static struct loaded *find_module(struct replay *replay, const char *name)
{
    if (name == NULL)
        return replay->current;
    for (unsigned i = replay->module_count; i-- > 0;) {
        if (replay->modules[i].name != NULL && strcmp(replay->modules[i].name, name) == 0)
            return &replay->modules[i];
    }
    return NULL;
}

/* Loads and instantiates the command's file; the status of whichever step failed. */
static enum wasm_status load(struct replay *replay, const struct json *command, struct loaded **out)
{
    char path[4096];
    const char *slash = strrchr(replay->path, '/');
    const char *name = json_text(command, "filename");
    int folder = slash == NULL ? 0 : (int)(slash - replay->path) + 1;
    if (name == NULL || replay->module_count == MODULES_MAX)
        return WASM_MISUSE;
    snprintf(path, sizeof(path), "%.*s%s", folder, replay->path, name);
    struct loaded *loaded = &replay->modules[replay->module_count];
    *loaded = (struct loaded){.name = json_text(command, "name")};
    if (!file_open(path, &loaded->file))
        return WASM_MISUSE;
    enum wasm_status status = wasm_module_load(&tool_platform, loaded->file.bytes, loaded->file.size_bytes,
                                               &loaded->module, &replay->error);
    if (status != WASM_OK) {
        file_close(&loaded->file);
        return status;
    }
    replay->module_count++;
    *out = loaded;
    return wasm_instantiate(replay->store, loaded->module, resolve, replay, &loaded->instance, &replay->trap,
                            &replay->error);
}

static bool complain(struct replay *replay, const char *what, const char *detail)
{
    snprintf(replay->why, sizeof(replay->why), "%s: %s", what, detail);
    return false;
}

static const char *status_text(const struct replay *replay, enum wasm_status status)
{
    if (status == WASM_TRAPPED)
        return wasm_trap_message(replay->trap.kind);
    return status == WASM_OK ? "accepted" : status == WASM_MISUSE ? "test file unusable" : replay->error.rule;
}

static bool run_module(struct replay *replay, const struct json *command)
{
    struct loaded *loaded = NULL;
    enum wasm_status status = load(replay, command, &loaded);
    replay->current = status == WASM_OK ? loaded : NULL;
    return status == WASM_OK || complain(replay, "module refused", status_text(replay, status));
}

static bool run_register(struct replay *replay, const struct json *command)
{
    struct loaded *loaded = find_module(replay, json_text(command, "name"));
    if (loaded == NULL || loaded->instance == NULL)
        return complain(replay, "register", "no such module");
    loaded->registered = json_text(command, "as");
    return true;
}

/* The file's module must be refused with this status (or also, for 1.0's files, in another way). */
static bool expect_refusal(struct replay *replay, const struct json *command, enum wasm_status expected)
{
    struct loaded *loaded = NULL;
    const char *text = json_text(command, "text");
    enum wasm_status status = load(replay, command, &loaded);
    if (status == expected && status != WASM_TRAPPED)
        return true;
    if (status == WASM_TRAPPED && expected == WASM_TRAPPED)
        return text == NULL || strstr(text, wasm_trap_message(replay->trap.kind)) != NULL ||
               complain(replay, "other trap", wasm_trap_message(replay->trap.kind));
    /* What 1.0 calls unlinkable since a segment does not fit is a trap during instantiation in 2.0. */
    if (status == WASM_TRAPPED && expected == WASM_UNLINKABLE && text != NULL &&
        strstr(text, "does not fit") != NULL)
        return replay->trap.kind == WASM_TRAP_MEMORY_OUT_OF_BOUNDS ||
               replay->trap.kind == WASM_TRAP_TABLE_OUT_OF_BOUNDS;
    return complain(replay, "not refused as expected", status_text(replay, status));
}

/* ---- values ----------------------------------------------------------------------------------------------
 */

static uint8_t type_of(const char *name)
{
    static const uint8_t types[] = {WASM_I32,  WASM_I64,     WASM_F32,      WASM_F64,
                                    WASM_V128, WASM_FUNCREF, WASM_EXTERNREF};
    for (size_t i = 0; name != NULL && i < sizeof(types); i++) {
        if (strcmp(name, wasm_type_name(types[i])) == 0)
            return types[i];
    }
    return 0;
}

/* "i8", "i16", "f32" ...: 0 for anything else. */
static unsigned lane_bytes_of(const char *lane_type)
{
    unsigned bits = lane_type == NULL ? 0 : (unsigned)strtoul(lane_type + 1, NULL, 10);
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? bits / 8 : 0;
}

static bool read_vector(const struct json *json, union wasm_value *value)
{
    unsigned lane_bytes = lane_bytes_of(json_text(json, "lane_type"));
    const struct json *lanes = json_member(json, "value");
    if (lane_bytes == 0 || lanes == NULL)
        return false;
    unsigned at = 0;
    for (const struct json *lane = lanes->child; lane != NULL && at < 16;
         lane = lane->next, at += lane_bytes) {
        uint64_t bits = strtoull(lane->text, NULL, 10);
        memcpy(&value->v128[at], &bits, lane_bytes);
    }
    return at == 16;
}

static bool read_value(const struct json *json, uint8_t *type, union wasm_value *value)
{
    *type = type_of(json_text(json, "type"));
    const char *text = json_text(json, "value");
    *value = (union wasm_value){.slots = {0, 0}};
    if (*type == WASM_V128)
        return read_vector(json, value);
    if (*type == 0 || text == NULL)
        return false;
    if (*type == WASM_F32 || *type == WASM_F64) { /* the bits as a decimal number */
        value->i64 = strtoull(text, NULL, 10);
        return true;
    }
    return value_parse(*type, text, value);
}

/* Floating-point bits of 4 or 8 bytes against a number or a class of NaN. */
static bool float_matches(unsigned size_bytes, uint64_t bits, const char *expected)
{
    unsigned quiet_bit = size_bytes == 4 ? 22 : 51;
    uint64_t sign = UINT64_C(1) << (8 * size_bytes - 1);
    uint64_t canonical = (sign - 1) & ~((UINT64_C(1) << quiet_bit) - 1); /* exponent and quiet bit */
    if (strcmp(expected, "nan:canonical") == 0)
        return (bits & ~sign) == canonical;
    if (strcmp(expected, "nan:arithmetic") == 0)
        return (bits & canonical) == canonical;
    return bits == strtoull(expected, NULL, 10);
}

static bool vector_matches(const union wasm_value *value, const struct json *expected)
{
    const char *lane_type = json_text(expected, "lane_type");
    unsigned lane_bytes = lane_bytes_of(lane_type);
    const struct json *lanes = json_member(expected, "value");
    unsigned at = 0;
    if (lane_bytes == 0 || lanes == NULL)
        return false;
    for (const struct json *lane = lanes->child; lane != NULL && at < 16;
         lane = lane->next, at += lane_bytes) {
        uint64_t bits = 0;
        memcpy(&bits, &value->v128[at], lane_bytes);
        bool same = lane_type[0] == 'f' ? float_matches(lane_bytes, bits, lane->text)
                                        : bits == strtoull(lane->text, NULL, 10);
        if (!same)
            return false;
    }
    return at == 16;
}

static bool value_matches(uint8_t type, const union wasm_value *value, const struct json *expected)
{
    const char *text = json_text(expected, "value");
    uint8_t expected_type;
    union wasm_value number;
    if (type != type_of(json_text(expected, "type")))
        return false;
    if (type == WASM_V128)
        return vector_matches(value, expected);
    if (text == NULL) /* only the type is given: any reference but null */
        return value->ref != 0;
    if (type == WASM_F32 || type == WASM_F64)
        return float_matches(type == WASM_F32 ? 4 : 8, value->i64, text);
    if (type == WASM_FUNCREF && strcmp(text, "null") != 0)
        return value->ref != 0;
    return read_value(expected, &expected_type, &number) && number.i64 == value->i64;
}

/* ---- actions ---------------------------------------------------------------------------------------------
 */

struct outcome {
    enum wasm_status status;
    uint32_t count;
    uint8_t types[VALUES_MAX];
    union wasm_value values[VALUES_MAX];
};

static bool run_invoke(struct replay *replay, const struct json *action, struct wasm_func *func,
                       struct outcome *outcome)
{
    const struct wasm_functype *type = wasm_func_type(func);
    const struct json *args = json_member(action, "args");
    union wasm_value values[VALUES_MAX];
    uint32_t count = 0;
    for (const struct json *arg = args == NULL ? NULL : args->child; arg != NULL; arg = arg->next, count++) {
        uint8_t arg_type;
        if (count == VALUES_MAX || count >= type->param_count ||
            !read_value(arg, &arg_type, &values[count]) || arg_type != type->params[count])
            return complain(replay, "invoke", "arguments do not fit the function");
    }
    if (type->result_count > VALUES_MAX)
        return complain(replay, "invoke", "too many results");
    outcome->count = type->result_count;
    memcpy(outcome->types, type->results, type->result_count);
    outcome->status =
        wasm_call(replay->store, func, values, count, outcome->values, type->result_count, &replay->trap);
    return outcome->status != WASM_MISUSE || complain(replay, "invoke", "wrong number of arguments");
}

/* Performs an action; false if it cannot be performed at all. */
static bool run_action(struct replay *replay, const struct json *command, struct outcome *outcome)
{
    const struct json *action = json_member(command, "action");
    const struct json *field = json_member(action, "field");
    struct loaded *loaded = find_module(replay, json_text(action, "module"));
    struct wasm_extern found;
    if (field == NULL || loaded == NULL || loaded->instance == NULL)
        return complain(replay, "action", "no module");
    if (!wasm_instance_export(loaded->instance, field->text, field->size_bytes, &found))
        return complain(replay, "no such export", field->text);
    if (found.kind == WASM_FUNC)
        return run_invoke(replay, action, found.as.func, outcome);
    if (found.kind != WASM_GLOBAL)
        return complain(replay, "neither function nor global", field->text);
    *outcome = (struct outcome){.status = WASM_OK, .count = 1};
    outcome->types[0] = wasm_global_type(found.as.global);
    outcome->values[0] = wasm_global_get(found.as.global);
    return true;
}

static bool outcome_matches(const struct outcome *outcome, const struct json *command)
{
    const struct json *either = json_member(command, "either");
    const struct json *expected = json_member(command, "expected");
    for (const struct json *one = either == NULL ? NULL : either->child; one != NULL; one = one->next) {
        if (outcome->count == 1 && value_matches(outcome->types[0], &outcome->values[0], one))
            return true;
    }
    if (expected == NULL)
        return false;
    uint32_t i = 0;
    for (const struct json *one = expected->child; one != NULL; one = one->next, i++) {
        if (i == outcome->count || !value_matches(outcome->types[i], &outcome->values[i], one))
            return false;
    }
    return i == outcome->count;
}

static bool run_plain_action(struct replay *replay, const struct json *command)
{
    struct outcome outcome;
    return run_action(replay, command, &outcome) &&
           (outcome.status == WASM_OK || complain(replay, "trapped", status_text(replay, outcome.status)));
}

static bool run_assert_return(struct replay *replay, const struct json *command)
{
    struct outcome outcome;
    if (!run_action(replay, command, &outcome))
        return false;
    if (outcome.status != WASM_OK)
        return complain(replay, "trapped", status_text(replay, outcome.status));
    if (outcome_matches(&outcome, command))
        return true;
    FILE *text = fmemopen(replay->why, sizeof(replay->why) - 1, "w");
    fputs("wrong results:", text);
    for (uint32_t i = 0; i < outcome.count; i++) {
        fputc(' ', text);
        value_print(text, outcome.types[i], &outcome.values[i]);
    }
    fclose(text);
    return false;
}

/* A trap's message and the test's text: one is the beginning of the other ("uninitialized" in 1.0's files).
 */
static bool run_assert_trap(struct replay *replay, const struct json *command)
{
    struct outcome outcome;
    const char *text = json_text(command, "text");
    if (!run_action(replay, command, &outcome))
        return false;
    if (outcome.status != WASM_TRAPPED)
        return complain(replay, "no trap", text == NULL ? "" : text);
    const char *message = wasm_trap_message(replay->trap.kind);
    size_t shorter = text == NULL ? 0 : strlen(text) < strlen(message) ? strlen(text) : strlen(message);
    return text != NULL && shorter > 0 && strncmp(text, message, shorter) == 0
               ? true
               : complain(replay, "other trap", message);
}

/* ---- commands --------------------------------------------------------------------------------------------
 */

static bool run_command_of(struct replay *replay, const char *type, const struct json *command)
{
    if (strcmp(type, "module") == 0)
        return run_module(replay, command);
    if (strcmp(type, "register") == 0)
        return run_register(replay, command);
    if (strcmp(type, "action") == 0)
        return run_plain_action(replay, command);
    if (strcmp(type, "assert_return") == 0)
        return run_assert_return(replay, command);
    if (strcmp(type, "assert_trap") == 0 || strcmp(type, "assert_exhaustion") == 0)
        return run_assert_trap(replay, command);
    if (strcmp(type, "assert_invalid") == 0)
        return expect_refusal(replay, command, WASM_INVALID);
    if (strcmp(type, "assert_malformed") == 0)
        return expect_refusal(replay, command, WASM_MALFORMED);
    if (strcmp(type, "assert_unlinkable") == 0)
        return expect_refusal(replay, command, WASM_UNLINKABLE);
    if (strcmp(type, "assert_uninstantiable") == 0)
        return expect_refusal(replay, command, WASM_TRAPPED);
    return complain(replay, "unknown command", type);
}

static void run_commands(struct replay *replay, const struct json *document)
{
    const struct json *commands = json_member(document, "commands");
    const struct json *command = commands == NULL ? NULL : commands->child;
    if (command == NULL)
        printf("%s: no commands\n", replay->path), replay->failed++;
    for (; command != NULL; command = command->next) {
        const char *type = json_text(command, "type");
        const char *line = json_text(command, "line");
        const char *format = json_text(command, "module_type");
        if (format != NULL && strcmp(format, "text") == 0) {
            replay->skipped++;
        } else if (type != NULL && run_command_of(replay, type, command)) {
            replay->passed++;
        } else {
            replay->failed++;
            printf("%s:%s: %s: %s\n", replay->path, line == NULL ? "?" : line, type == NULL ? "?" : type,
                   replay->why);
        }
    }
}

static void replay_file(struct replay *replay, const char *path)
{
    struct file file;
    struct json *document = NULL;
    replay->path = path;
    replay->module_count = 0;
    replay->current = NULL;
    if (file_open(path, &file)) {
        document = json_parse(path, file.bytes, file.size_bytes);
        file_close(&file);
    }
    if (document == NULL || wasm_store_create(&tool_platform, NULL, &replay->store) != WASM_OK) {
        printf("%s: cannot be replayed\n", path);
        replay->failed++;
        json_destroy(document);
        return;
    }
    replay->spectest = (struct host_spectest){.store = replay->store};
    run_commands(replay, document);
    wasm_store_destroy(replay->store);
    for (unsigned i = 0; i < replay->module_count; i++) {
        wasm_module_destroy(replay->modules[i].module);
        file_close(&replay->modules[i].file);
    }
    json_destroy(document);
}

int spectest_command(char **paths, int path_count)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL)
        return EXIT_REFUSED;
    for (int i = 0; i < path_count; i++)
        replay_file(replay, paths[i]);
    printf("%u passed, %u failed", replay->passed, replay->failed);
    if (replay->skipped > 0)
        printf(", %u skipped", replay->skipped);
    putchar('\n');
    int status = replay->failed == 0 ? EXIT_OK : EXIT_USAGE;
    free(replay);
    return status;
}
