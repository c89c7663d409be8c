/*
 * LogReader and LogSink: the two ends of the kernel log.
 */
#include "arch/percpu.h"
#include "core/call.h"
#include "core/log.h"
#include "core/process.h"
#include "object/kernel_caps.h"
#include <capos/log_server.h>
#include <capos/manifest.h>

/* A batch is copied out of the ring record by record into here: one CPU reads one batch at a time. */
enum { LOG_READ_BATCH = 16, LOG_READ_OVERHEAD_BYTES = 96 };
static PERCPU struct {
    struct log_record records[LOG_READ_BATCH];
    struct cap_log_record encoded[LOG_READ_BATCH];
} batch_of_cpu;

static void encode_record(const struct log_record *record, struct cap_log_record *out)
{
    *out = (struct cap_log_record){
        .sequence = record->sequence,
        .time_ns = record->time_ns,
        .level = (enum cap_log_level)record->level,
        .process_id = record->process_id,
        .text = {record->text, record->text_len},
    };
}

static int32_t log_reader_read(void *self, struct cap_call *call,
                               const struct cap_log_reader_read_params *params,
                               struct cap_log_reader_read_results *results)
{
    (void)self;
    struct log_record *records = percpu_this(batch_of_cpu)->records;
    struct cap_log_record *encoded = percpu_this(batch_of_cpu)->encoded;
    size_t limit = params->max_records < LOG_READ_BATCH ? params->max_records : LOG_READ_BATCH;
    size_t room = call->results_limit;
    size_t count = 0;
    results->next_cursor = params->cursor;
    while (count < limit && log_read(results->next_cursor, &records[count])) {
        size_t wanted = LOG_READ_OVERHEAD_BYTES + records[count].text_len;
        if (wanted > room)
            break;
        room -= wanted;
        if (count == 0)
            results->dropped = records[0].sequence - params->cursor;
        results->next_cursor = records[count].sequence + 1;
        encode_record(&records[count], &encoded[count]);
        count++;
    }
    results->records = (struct capnp_list)CAPNP_LIST(encoded, count);
    return CAPOS_OK;
}

static int32_t log_sink_write(void *self, struct cap_call *call,
                              const struct cap_log_sink_write_params *params)
{
    (void)self;
    if (params->text.len > LOG_TEXT_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a log record takes at most 256 bytes");
    if ((unsigned)params->level > LOG_DEBUG)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "no such log level");
    log_write((enum log_level)params->level, kcall_process(call)->id, params->text.bytes, params->text.len);
    return CAPOS_OK;
}

static const struct cap_log_reader_server reader_server = {.read = log_reader_read};
KERNEL_DISPATCH(reader_dispatch, cap_log_reader_dispatch)
static const struct cap_log_sink_server sink_server = {.write = log_sink_write};
KERNEL_DISPATCH(sink_dispatch, cap_log_sink_dispatch)

static const struct object_type log_reader_type = {
    .name = "LogReader",
    .interface_id = CAP_LOG_READER_INTERFACE_ID,
    .dispatch = reader_dispatch,
    .server = &reader_server,
};
KERNEL_CAP(CAP_KERNEL_CAP_LOG_READER, log_reader_type);

static const struct object_type log_sink_type = {
    .name = "LogSink",
    .interface_id = CAP_LOG_SINK_INTERFACE_ID,
    .dispatch = sink_dispatch,
    .server = &sink_server,
};
KERNEL_CAP(CAP_KERNEL_CAP_LOG_SINK, log_sink_type);
