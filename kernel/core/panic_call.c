/*
 * What the kernel was asked to do when it panicked. Nothing on the way of a call keeps this for a panic: it
 * is put together from what is there, with no lock held. A pointer that cannot be one is not followed; if
 * another leads to nothing, that is a panic in a panic, and this comes last in the report.
 */
#include "core/call_name.h"
#include "core/format.h"
#include "core/panic.h"
#include "core/process.h"
#include "core/ring.h"

#define KERNEL_HALF UINT64_C(0xffff800000000000)
enum { TEXT_BYTES = 96 };

static bool may_be_pointer(const void *pointer)
{
    return (uint64_t)pointer >= KERNEL_HALF && ((uint64_t)pointer & 7) == 0;
}

/* What the process holds under that id; null if it does not, or its table is damaged. */
static const struct object_type *type_of(const struct process *process, uint32_t id)
{
    const struct captable *table = &process->captable;
    const uint32_t index = id & CAP_INDEX_MASK;
    if (index >= table->capacity || index >= (1u << CAP_CHUNK0_LOG2) * ((1u << CAP_CHUNKS) - 1))
        return NULL;
    const struct cap_slot *slot = captable_slot(table, index);
    if (!may_be_pointer(slot) || slot->live_id != id || !may_be_pointer(slot->capability.type))
        return NULL;
    return slot->capability.type;
}

static __attribute__((format(printf, 3, 4))) void write_text(char *out, size_t size_bytes, const char *format,
                                                             ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_text(out, size_bytes, format, arguments);
    va_end(arguments);
}

bool call_describe_current(char *out, size_t size_bytes)
{
    const struct thread *thread = thread_current();
    struct capos_sqe sqe;
    char entry[TEXT_BYTES];
    if (!may_be_pointer(thread) || !may_be_pointer(thread->process) || !may_be_pointer(thread->ring.page))
        return false;
    const struct process *process = thread->process;
    ring_entry_at_work(thread, &sqe);
    call_describe(&sqe, type_of(process, sqe.cap_id), entry, sizeof(entry));
    write_text(out, size_bytes, "%s, thread %u of process %lu (%s)", entry, thread->number, process->id,
               process->name);
    return true;
}
