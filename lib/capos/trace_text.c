#include <capos/trace_text.h>
#include <base/string.h>
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/endpoint.h>
#include <capos/exception.h>
#include <capos/print.h>

enum { SHOWN_LABEL_BYTES = CAPOS_TRACE_LABEL_BYTES - 8 }; /* in a suffix, which is as long */
enum { SHOWN_BLOB_BYTES = 64, SHOWN_LIST_ELEMENTS = 8, INDEX_MASK = (1 << 14) - 1, INDEX_BITS = 14 };
enum { NS_PER_S = 1000000000, ELLIPSIS_BYTES = 3 };

typedef struct capos_trace_record record_t;

/* ---- The line. */

static void put_bytes(void *self, const char *bytes, size_t len)
{
    struct capos_trace_text *trace = self;
    size_t room = sizeof trace->text - ELLIPSIS_BYTES - trace->used;
    size_t taken = len < room ? len : room;
    memcpy(trace->text + trace->used, bytes, taken);
    trace->used += taken;
}

__attribute__((format(printf, 2, 3))) static void put(struct capos_trace_text *trace, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int len = capos_vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_bytes(trace, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static void flush(struct capos_trace_text *trace)
{
    if (trace->used == sizeof trace->text - ELLIPSIS_BYTES) {
        memcpy(trace->text + trace->used, "...", ELLIPSIS_BYTES);
        trace->used += ELLIPSIS_BYTES;
    }
    for (size_t i = 0; i < trace->used; i++) {
        if ((unsigned char)trace->text[i] < ' ' || trace->text[i] == 0x7f)
            trace->text[i] = '?';
    }
    trace->line(trace->self, trace->text, trace->used);
    trace->used = 0;
    trace->held = false;
}

/* What was held back goes out without an answer. */
static void flush_held(struct capos_trace_text *trace)
{
    if (!trace->held)
        return;
    put_bytes(trace, " <unfinished ...>", 17);
    put(trace, "%s", trace->suffix);
    flush(trace);
}

static void begin_line(struct capos_trace_text *trace, const record_t *record)
{
    flush_held(trace);
    if ((trace->show & CAPOS_TRACE_SHOW_TIMES) != 0) {
        uint64_t ns = record->time_ns - trace->first_ns;
        put(trace, "%3llu.%09llu ", (unsigned long long)(ns / NS_PER_S), (unsigned long long)(ns % NS_PER_S));
    }
    if (record->thread > 1)
        put(trace, "[thread %u] ", record->thread);
}

/* ---- Names. */

static const struct capnp_schema_node *node_of(const struct capos_trace_text *trace, uint64_t id)
{
    return id == 0 ? NULL : trace->schema->find(trace->schema->self, id);
}

static const struct capnp_schema_method *method_of(const struct capos_trace_text *trace,
                                                   uint64_t interface_id, uint16_t method_id)
{
    const struct capnp_schema_node *node = node_of(trace, interface_id);
    return node != NULL && node->kind == CAPNP_NODE_INTERFACE && method_id < node->count
               ? &node->methods[method_id]
               : NULL;
}

static const char *grant_name(const struct capos_trace_text *trace, uint32_t cap_id)
{
    for (size_t i = 0; i < trace->name_count; i++) {
        if (trace->names[i].cap_id == cap_id)
            return trace->names[i].name;
    }
    return NULL;
}

static const char *interface_name(const struct capos_trace_text *trace, uint64_t id)
{
    const struct capnp_schema_node *node = node_of(trace, id);
    return node == NULL ? NULL : node->name;
}

static void name_cap(char *out, size_t size, uint32_t cap_id)
{
    uint32_t generation = cap_id >> INDEX_BITS;
    if (generation <= 1)
        (void)capos_snprintf(out, size, "cap#%u", cap_id & INDEX_MASK);
    else
        (void)capos_snprintf(out, size, "cap#%u.%u", cap_id & INDEX_MASK, generation);
}

static bool is_pipelined(const record_t *record)
{
    return record->opcode == CAPOS_OP_CALL && (record->flags & CAPOS_SQE_PIPELINE) != 0;
}

/* `timer` if it was granted under that name, else `Timer`, else `cap#3`. */
static void name_target(const struct capos_trace_text *trace, const record_t *record, uint64_t interface_id,
                        char *out, size_t size)
{
    const char *name = is_pipelined(record) ? NULL : grant_name(trace, record->cap_id);
    if (name == NULL)
        name = interface_name(trace, interface_id);
    if (name == NULL && is_pipelined(record))
        name = "<pipelined>";
    if (name != NULL)
        (void)capos_snprintf(out, size, "%s", name);
    else
        name_cap(out, size, record->cap_id);
}

static void label_entry(const struct capos_trace_text *trace, const record_t *record, uint64_t interface_id,
                        char *out, size_t size)
{
    static const char *const verbs[] = {"nop", NULL, "recv", "return", "release", "park", "unpark", "cancel"};
    char target[48];
    name_target(trace, record, interface_id, target, sizeof target);
    if (record->opcode == CAPOS_OP_CALL) {
        const struct capnp_schema_method *method = method_of(trace, interface_id, record->method_id);
        if (method != NULL)
            (void)capos_snprintf(out, size, "%s.%s", target, method->name);
        else
            (void)capos_snprintf(out, size, "%s.%u", target, record->method_id);
    } else if (record->opcode == CAPOS_OP_NOP || record->opcode == CAPOS_OP_CANCEL) {
        (void)capos_snprintf(out, size, "%s", verbs[record->opcode]);
    } else if (record->opcode < sizeof verbs / sizeof verbs[0]) {
        (void)capos_snprintf(out, size, "%s.%s", target, verbs[record->opcode]);
    } else {
        (void)capos_snprintf(out, size, "opcode %u", record->opcode);
    }
}

/* ---- Messages. */

static const void *payload_of(const record_t *record)
{
    return record + 1;
}

static const struct capos_trace_cap *caps_of(const record_t *record)
{
    size_t padded = (record->payload_kept + 7u) & ~(size_t)7;
    return (const void *)((const uint8_t *)payload_of(record) + padded);
}

/* A message of which `kept` bytes are there shows as if the rest were zero: what is lost are its ends. */
static void show_message(struct capos_trace_text *trace, const record_t *record, uint64_t node, size_t skip,
                         size_t len)
{
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];
    const struct capnp_show show = {
        .schema = trace->schema,
        .write = put_bytes,
        .self = trace,
        .blob_limit = SHOWN_BLOB_BYTES,
        .list_limit = SHOWN_LIST_ELEMENTS,
    };
    size_t kept = record->payload_kept > skip ? record->payload_kept - skip : 0;
    kept = kept < len ? kept : len;
    if (kept == 0 && len != 0) {
        put(trace, "...");
        return;
    }
    if (len == 0 && node == 0)
        return;
    if (len > sizeof trace->message || node == 0) {
        put(trace, "<%zu bytes>", len);
        return;
    }
    for (size_t i = 0; i < record->cap_count && i < CAPOS_CALL_CAPS_MAX; i++)
        caps[i] = (struct cap_transfer){.id = caps_of(record)[i].cap_id & INDEX_MASK,
                                        .interface_id = caps_of(record)[i].interface_id};
    memset(trace->message, 0, sizeof trace->message);
    memcpy(trace->message, (const uint8_t *)payload_of(record) + skip, kept);
    capnp_show_message(&show, node, trace->message, len, caps, record->cap_count);
    if (kept < len)
        put(trace, " ...");
}

static void show_caps(struct capos_trace_text *trace, const record_t *record)
{
    static const char *const verbs[] = {"copies", "moves", "gets"};
    for (size_t i = 0; i < record->cap_count; i++) {
        const struct capos_trace_cap *cap = &caps_of(record)[i];
        const char *interface = interface_name(trace, cap->interface_id);
        char name[24];
        name_cap(name, sizeof name, cap->cap_id);
        put(trace, "%s%s %s %s", i == 0 ? " {" : ", ",
            verbs[cap->mode <= CAPOS_TRACE_RECEIVED ? cap->mode : 0], name,
            interface == NULL ? "?" : interface);
    }
    if (record->cap_count != 0)
        put(trace, "}");
}

/* ---- Calls. */

static struct capos_trace_open *find_open(struct capos_trace_text *trace, const record_t *record)
{
    for (uint32_t i = 0; i < CAPOS_TRACE_OPEN_MAX; i++) { /* the oldest first */
        struct capos_trace_open *open = &trace->open[(trace->next_open + i) % CAPOS_TRACE_OPEN_MAX];
        if (open->used && open->thread == record->thread && open->user_data == record->user_data)
            return open;
    }
    return NULL;
}

static struct capos_trace_open *find_received(struct capos_trace_text *trace, uint32_t call_id)
{
    for (uint32_t i = 0; i < CAPOS_TRACE_OPEN_MAX; i++) {
        if (trace->received[i].used && trace->received[i].call_id == call_id)
            return &trace->received[i];
    }
    return NULL;
}

/* With more in flight than there are places the oldest is forgotten; its answer then shows without names. */
static struct capos_trace_open *remember(struct capos_trace_open *table, uint32_t *next)
{
    struct capos_trace_open *open = &table[*next];
    for (uint32_t i = 0; i < CAPOS_TRACE_OPEN_MAX && open->used; i++) {
        *next = (*next + 1) % CAPOS_TRACE_OPEN_MAX;
        open = &table[*next];
    }
    *next = (*next + 1) % CAPOS_TRACE_OPEN_MAX;
    *open = (struct capos_trace_open){.used = true};
    return open;
}

static void show_return(struct capos_trace_text *trace, const record_t *record)
{
    struct capos_trace_open *received = find_received(trace, record->call_id);
    const struct capnp_schema_method *method =
        received == NULL ? NULL : method_of(trace, received->interface_id, received->method_id);
    put(trace, "call %u", record->call_id);
    if ((record->flags & CAPOS_SQE_EXCEPTION) != 0) {
        put(trace, ", exception");
    } else if (method != NULL) {
        put(trace, " %s: ", method->name);
        show_message(trace, record, method->results, 0, record->payload_bytes);
    } else if (record->payload_bytes != 0) {
        put(trace, ": <%u bytes>", record->payload_bytes);
    }
    if (received != NULL)
        received->used = false;
}

static void show_arguments(struct capos_trace_text *trace, const record_t *record, uint64_t interface_id)
{
    const struct capnp_schema_method *method = method_of(trace, interface_id, record->method_id);
    if (record->opcode == CAPOS_OP_CALL)
        show_message(trace, record, method == NULL ? 0 : method->params, 0, record->payload_bytes);
    else if (record->opcode == CAPOS_OP_RETURN)
        show_return(trace, record);
    else if (record->opcode == CAPOS_OP_PARK || record->opcode == CAPOS_OP_UNPARK)
        put(trace, "0x%llx", (unsigned long long)record->value);
}

/* ---- Pipelined calls: their target has no id yet, but the call that will bring it is known. */

/* The latest CALL of that name, answered or not; null: too long ago. */
static const struct capos_trace_open *find_dependency(const struct capos_trace_text *trace,
                                                      const record_t *record)
{
    for (uint32_t back = 1; back <= CAPOS_TRACE_OPEN_MAX; back++) {
        const struct capos_trace_open *open =
            &trace->open[(trace->next_open + CAPOS_TRACE_OPEN_MAX - back) % CAPOS_TRACE_OPEN_MAX];
        if (open->opcode == CAPOS_OP_CALL && open->thread == record->thread &&
            open->user_data == (uint64_t)record->value)
            return open;
    }
    return NULL;
}

/* A field of results that holds no capabilities, whatever is in it. */
static bool holds_none(const struct capos_trace_text *trace, const struct capnp_schema_field *field)
{
    if (field->kind == CAPNP_KIND_LIST)
        return field->element < CAPNP_KIND_LIST || field->element == CAPNP_KIND_ENUM;
    if (field->kind != CAPNP_KIND_STRUCT && field->kind != CAPNP_KIND_GROUP)
        return field->kind <= CAPNP_KIND_ENUM;
    const struct capnp_schema_node *node = node_of(trace, field->node);
    return field->kind == CAPNP_KIND_STRUCT && node != NULL && node->pointer_count == 0;
}

/* The interface of the n-th capability in results of this type, if all are there; 0: that cannot be said. A
 * node lives until the next is asked for. */
static uint64_t nth_interface(const struct capos_trace_text *trace, uint64_t results, uint16_t nth)
{
    const struct capnp_schema_node *node;
    for (uint32_t i = 0; (node = node_of(trace, results)) != NULL && i < node->count; i++) {
        const struct capnp_schema_field field = node->fields[i];
        bool is_one = field.kind == CAPNP_KIND_INTERFACE || field.kind == CAPNP_KIND_CAPABILITY;
        if (field.discriminant != CAPNP_NO_DISCRIMINANT || (!is_one && !holds_none(trace, &field)))
            return 0;
        if (is_one && nth-- == 0)
            return field.node;
    }
    return 0;
}

/* What the answer brought, if it is there; else what the schema says that it will. */
static uint64_t pipelined_interface(const struct capos_trace_text *trace, const struct capos_trace_open *on,
                                    uint16_t nth)
{
    if (nth < CAPOS_TRACE_RESULTS_MAX && on->result_interfaces[nth] != 0)
        return on->result_interfaces[nth];
    const struct capnp_schema_method *method = method_of(trace, on->interface_id, on->method_id);
    return method == NULL ? 0 : nth_interface(trace, method->results, nth);
}

static void keep_results(struct capos_trace_open *open, const record_t *record)
{
    for (size_t i = 0; i < record->cap_count && i < CAPOS_TRACE_RESULTS_MAX; i++)
        open->result_interfaces[i] = caps_of(record)[i].interface_id;
}

/* Behind the parameters: which capability it was, `[cap#3]` or `[of root.open]`. */
static void make_suffix(struct capos_trace_text *trace, const record_t *record,
                        const struct capos_trace_open *on)
{
    char cap[24];
    trace->suffix[0] = '\0';
    name_cap(cap, sizeof cap, record->cap_id);
    if (on != NULL)
        (void)capos_snprintf(trace->suffix, sizeof trace->suffix, "  [of %.*s]", SHOWN_LABEL_BYTES,
                             on->label);
    else if (record->cap_id != 0)
        (void)capos_snprintf(trace->suffix, sizeof trace->suffix, "  [%s]", cap);
}

static void add_entry(struct capos_trace_text *trace, const record_t *record)
{
    begin_line(trace, record);
    const struct capos_trace_open *on = is_pipelined(record) ? find_dependency(trace, record) : NULL;
    uint64_t interface_id =
        on == NULL ? record->interface_id : pipelined_interface(trace, on, record->detail);
    make_suffix(trace, record, on); /* before its place is used again */
    struct capos_trace_open *open = remember(trace->open, &trace->next_open);
    open->opcode = record->opcode;
    open->method_id = record->method_id;
    open->thread = record->thread;
    open->user_data = record->user_data;
    open->interface_id = interface_id;
    label_entry(trace, record, interface_id, open->label, sizeof open->label);
    put(trace, "%s(", open->label);
    show_arguments(trace, record, interface_id);
    put(trace, ")");
    show_caps(trace, record);
    if ((record->flags & CAPOS_SQE_QUIET) != 0) { /* answered only if it fails */
        open->used = false;
        put(trace, "%s", trace->suffix);
        flush(trace);
        return;
    }
    trace->held = true;
    trace->held_thread = record->thread;
    trace->held_user_data = record->user_data;
}

/* What a receive brought: the header, and the parameters behind it. */
static void show_received(struct capos_trace_text *trace, const record_t *record,
                          const struct capos_trace_open *open)
{
    struct capos_ipc_header header;
    if (record->payload_kept < sizeof header) {
        put(trace, "call %u", record->call_id);
        return;
    }
    memcpy(&header, payload_of(record), sizeof header);
    if ((header.flags & CAPOS_IPC_DROPPED) != 0) {
        put(trace, "dropped, tag %llu", (unsigned long long)header.tag);
        return;
    }
    if ((header.flags & CAPOS_IPC_ALSO_DROPPED) != 0)
        put(trace, "dropped, tag %llu; ", (unsigned long long)header.dropped_tag);
    const struct capnp_schema_method *method = method_of(trace, open->interface_id, header.method_id);
    struct capos_trace_open *received = remember(trace->received, &trace->next_received);
    received->call_id = header.call_id;
    received->interface_id = open->interface_id;
    received->method_id = header.method_id;
    if (method == NULL) {
        put(trace, "call %u: method %u, %u bytes", header.call_id, header.method_id, header.params_len);
        return;
    }
    put(trace, "call %u: %s(", header.call_id, method->name);
    show_message(trace, record, method->params, sizeof header,
                 record->payload_bytes > sizeof header ? record->payload_bytes - sizeof header : 0);
    put(trace, ")");
}

static void show_exception(struct capos_trace_text *trace, const record_t *record)
{
    struct capnp_message message;
    struct cap_cap_exception exception;
    memset(trace->message, 0, sizeof trace->message);
    memcpy(trace->message, payload_of(record), record->payload_kept);
    if (record->payload_kept < record->payload_bytes ||
        cap_cap_exception_decode(&message, trace->message, record->payload_bytes, NULL, 0, &exception) < 0)
        put(trace, "exception");
    else
        put(trace, "%s: \"%.*s\"", cap_exception_kind_name((enum capos_exception_kind)exception.kind),
            (int)exception.reason.len, exception.reason.bytes);
}

static void show_outcome(struct capos_trace_text *trace, const record_t *record,
                         const struct capos_trace_open *open)
{
    static const char prefix[] = "CAPOS_ERR_";
    if (record->value == CAPOS_ERR_EXCEPTION) {
        show_exception(trace, record);
    } else if (record->value < 0) {
        const char *name = capos_error_name((int32_t)record->value);
        put(trace, "%s", strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name);
    } else if (open == NULL) {
        put(trace, "%lld", (long long)record->value);
    } else if (open->opcode == CAPOS_OP_RECV) {
        show_received(trace, record, open);
    } else if (open->opcode == CAPOS_OP_CALL) {
        const struct capnp_schema_method *method = method_of(trace, open->interface_id, open->method_id);
        put(trace, "(");
        show_message(trace, record, method == NULL ? 0 : method->results, 0, record->payload_bytes);
        put(trace, ")");
    } else {
        put(trace, "%lld", (long long)record->value);
    }
    show_caps(trace, record);
}

static void add_completion(struct capos_trace_text *trace, const record_t *record)
{
    struct capos_trace_open *open = find_open(trace, record);
    bool same =
        trace->held && trace->held_thread == record->thread && trace->held_user_data == record->user_data;
    if (!same) {
        begin_line(trace, record);
        put(trace, "<... %s resumed>", open == NULL ? "something before" : open->label);
        trace->suffix[0] = '\0';
    }
    put(trace, " = ");
    show_outcome(trace, record, open);
    put(trace, "%s", trace->suffix);
    flush(trace);
    if (open != NULL) {
        keep_results(open, record);
        open->used = false;
    }
}

/* ---- The rest. */

/* Where the thread was; UINT32_MAX: nowhere yet. */
static uint32_t move_thread(struct capos_trace_text *trace, uint32_t thread, uint32_t cpu)
{
    size_t i = 0;
    while (i < CAPOS_TRACE_THREADS_MAX - 1 && trace->places[i].thread != 0 &&
           trace->places[i].thread != thread)
        i++;
    uint32_t was = trace->places[i].thread == thread ? trace->places[i].cpu : UINT32_MAX;
    trace->places[i].thread = thread;
    trace->places[i].cpu = cpu;
    return was;
}

static void add_sched(struct capos_trace_text *trace, const record_t *record)
{
    uint32_t cpu = (uint32_t)record->value, was = cpu;
    if (record->kind == CAPOS_TRACE_RUNS)
        was = move_thread(trace, record->thread, cpu);
    if ((trace->show & CAPOS_TRACE_SHOW_SCHED) == 0) {
        if (record->kind == CAPOS_TRACE_WAITS && record->thread == trace->held_thread &&
            (trace->show & CAPOS_TRACE_SHOW_JOINED) == 0)
            flush_held(trace);
        return;
    }
    begin_line(trace, record);
    if (record->kind == CAPOS_TRACE_RUNS)
        put(trace, was != UINT32_MAX && was != cpu ? "--- migrates, runs on CPU %u" : "--- runs on CPU %u",
            cpu);
    else
        put(trace, record->kind == CAPOS_TRACE_WAITS ? "--- waits" : "--- preempted");
    flush(trace);
}

static void add_holdings(struct capos_trace_text *trace, const record_t *record)
{
    for (size_t i = 0; i < record->cap_count; i++) {
        size_t index = trace->grants_seen++;
        if (index >= trace->grant_count || trace->name_count == CAPOS_TRACE_NAMES_MAX)
            continue;
        trace->names[trace->name_count].cap_id = caps_of(record)[i].cap_id;
        trace->names[trace->name_count++].name = trace->grant_names[index];
    }
}

static void add_end(struct capos_trace_text *trace, const record_t *record)
{
    begin_line(trace, record);
    if (record->kind == CAPOS_TRACE_EXIT)
        put(trace, "+++ exited with code %lld", (long long)record->value);
    else
        put(trace, "--- crashes: vector %lld at 0x%llx, address 0x%llx: %.*s", (long long)record->value,
            (unsigned long long)record->interface_id, (unsigned long long)record->user_data,
            (int)record->payload_kept, (const char *)payload_of(record));
    flush(trace);
}

static void add_record(struct capos_trace_text *trace, const record_t *record)
{
    bool calls = (trace->show & CAPOS_TRACE_SHOW_CALLS) != 0;
    if (!trace->begun)
        trace->first_ns = record->time_ns;
    trace->begun = true;
    switch (record->kind) {
    case CAPOS_TRACE_ENTRY:
        if (calls)
            add_entry(trace, record);
        break;
    case CAPOS_TRACE_COMPLETION:
        if (calls)
            add_completion(trace, record);
        break;
    case CAPOS_TRACE_HOLDS:
        add_holdings(trace, record);
        break;
    case CAPOS_TRACE_CRASH:
    case CAPOS_TRACE_EXIT:
        add_end(trace, record);
        break;
    default:
        add_sched(trace, record);
    }
}

/* Whoever hands in something else than the kernel made gets nothing shown. */
static bool is_sound(const record_t *record, size_t left)
{
    return record->size_bytes >= sizeof *record && record->size_bytes <= left &&
           record->size_bytes % 8 == 0 && record->payload_kept <= record->size_bytes - sizeof *record &&
           ((record->payload_kept + 7u) & ~7u) + record->cap_count * sizeof(struct capos_trace_cap) <=
               record->size_bytes - sizeof *record;
}

void capos_trace_text_add(struct capos_trace_text *trace, const void *records, size_t len, uint64_t lost)
{
    const uint8_t *at = records;
    if (lost != 0) {
        flush_held(trace);
        put(trace, "... %llu records lost ...", (unsigned long long)lost);
        flush(trace);
    }
    while (len >= sizeof(record_t)) {
        const record_t *record = (const void *)at;
        if (!is_sound(record, len))
            return;
        add_record(trace, record);
        at += record->size_bytes;
        len -= record->size_bytes;
    }
}

void capos_trace_text_end(struct capos_trace_text *trace)
{
    flush_held(trace);
}
