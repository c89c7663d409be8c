/*
 * trace PROGRAM: its calls and what they are answered, as lines among its output (docs/trace.md). Takes a
 * Tracer among what the shell holds, and the handle of the process, which only the shell has.
 */
#include "jobs.h"
#include <capos/print.h>
#include <capos/trace_text.h>
#include <string.h>

enum { BUFFER_BYTES = 128 << 10, ANSWER_WORDS = 1100 };
#define PATIENCE_NS UINT64_C(50000000) /* a call that has no answer by then is shown without */

static struct capos_trace_text text;
static const char *names[CAPOS_TRACE_NAMES_MAX];
static char name_bytes[GRANTS_MAX][NAME_BYTES];

static void show_line(void *self, const char *line, size_t len)
{
    (void)self;
    shell_write(NULL, "    ", 4);
    shell_write(NULL, line, len);
    shell_write(NULL, "\n", 1);
}

/* How many capabilities the process holds: the trace's first records say it. */
static size_t count_holdings(struct capnp_data records)
{
    size_t count = 0, at = 0;
    struct capos_trace_record record;
    while (records.len - at >= sizeof record) {
        memcpy(&record, (const uint8_t *)records.bytes + at, sizeof record);
        if (record.kind != CAPOS_TRACE_HOLDS || record.size_bytes < sizeof record ||
            record.size_bytes > records.len - at)
            break;
        count += record.cap_count;
        at += record.size_bytes;
    }
    return count;
}

/* The launcher's own grants come first and have no name here; then come those of the line. */
static void name_grants(const struct grants *grants, struct capnp_data records)
{
    size_t count = count_holdings(records);
    size_t first = count > grants->count ? count - grants->count : 0;
    text.grant_count = count < CAPOS_TRACE_NAMES_MAX ? count : CAPOS_TRACE_NAMES_MAX;
    for (size_t i = 0; i < text.grant_count; i++) {
        names[i] = NULL;
        if (i < first || i - first >= grants->count)
            continue;
        struct capnp_text name = grants->items[i - first].name;
        (void)capos_snprintf(name_bytes[i - first], NAME_BYTES, "%.*s", (int)name.len, name.bytes);
        names[i] = name_bytes[i - first];
    }
}

static bool begin(struct eval *eval, const struct process *process, cap_trace *trace)
{
    struct problem *problem = &eval->line->problem;
    const struct stage *stage = &eval->line->stages[0];
    const struct name *tracer = names_of_interface(eval->names, CAP_TRACER_INTERFACE_ID);
    struct cap_tracer_attach_results attached = {0};
    struct cap_process_control_resume_results resumed = {0};
    if (tracer == NULL)
        return problem_set(problem, 0, eval->line->source_len,
                           "a trace takes a Tracer, which the shell does not hold");
    cap_process_handle handle = {.id = process->handle.id, .mode = CAPOS_XFER_COPY};
    int32_t result = cap_tracer_attach((cap_tracer){.id = tracer->held.id}, handle, BUFFER_BYTES,
                                       CAPOS_TRACE_MESSAGE_MAX, &attached);
    if (result >= 0)
        result = cap_process_control_resume(process->control, &resumed);
    if (result < 0 && attached.trace.id != 0)
        (void)cap_release(attached.trace);
    if (result < 0)
        return problem_set(problem, stage->at, (uint32_t)stage->name.len, "trace: %s", cap_why(result));
    *trace = attached.trace;
    return true;
}

/* One answer of the trace; meanwhile Ctrl-C kills the process. */
static bool read_some(cap_trace trace, struct job *job, struct cap_trace_read_results *news)
{
    static uint64_t words[ANSWER_WORDS];
    struct cap_pending read = {.buffer = {words, sizeof words}};
    struct cap_pending *waits[] = {&read};
    if (cap_trace_read_start(trace, &read) < 0)
        return false;
    if (cap_pending_wait_timeout(&read, PATIENCE_NS) == CAPOS_ERR_TIMEOUT)
        capos_trace_text_end(&text);
    while (interrupt_wait(waits, 1) < 0)
        job_kill(job);
    return cap_trace_read_finish(&read, news) >= 0;
}

bool trace_run(struct eval *eval, struct job *job, const struct grants *grants)
{
    struct cap_trace_read_results news = {0};
    cap_trace trace;
    text = (struct capos_trace_text){.line = show_line,
                                     .show = CAPOS_TRACE_SHOW_CALLS | CAPOS_TRACE_SHOW_JOINED,
                                     .schema = &eval->system->schema,
                                     .grant_names = names};
    if (!begin(eval, &job->processes[0], &trace))
        return false;
    for (bool first = true; !news.ended && read_some(trace, job, &news); first = false) {
        if (first)
            name_grants(grants, news.records);
        capos_trace_text_add(&text, news.records.bytes, news.records.len, news.lost);
    }
    capos_trace_text_end(&text);
    (void)cap_release(trace);
    return true;
}
