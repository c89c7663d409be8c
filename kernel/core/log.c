/*
 * See log.h. The ring holds records back to back, each a header and its text, and wraps anywhere. LOCK_LOG is
 * held while a record is made and printed, so that lines come out whole and in the order of their numbers.
 */
#include "core/log.h"
#include "arch/arch.h"
#include "core/command_line.h"
#include "core/format.h"
#include "core/lock.h"
#include <base/string.h>

/* struct log_record without its text. */
enum { HEADER_BYTES = offsetof(struct log_record, text) };

static struct spinlock log_lock = SPINLOCK_INIT(LOCK_LOG);
/* Under log_lock. Offsets run freely; an offset's place is its remainder. */
static char ring[LOG_RING_BYTES];
static uint64_t ring_start, ring_end;
static uint64_t first_sequence, next_sequence;
static enum log_level print_level = LOG_INFO;

static void ring_write(uint64_t offset, const void *bytes, size_t size_bytes)
{
    const size_t place = offset % LOG_RING_BYTES;
    const size_t before_wrap = size_bytes < LOG_RING_BYTES - place ? size_bytes : LOG_RING_BYTES - place;
    memcpy(ring + place, bytes, before_wrap);
    memcpy(ring, (const char *)bytes + before_wrap, size_bytes - before_wrap);
}

static void ring_read(uint64_t offset, void *bytes, size_t size_bytes)
{
    const size_t place = offset % LOG_RING_BYTES;
    const size_t before_wrap = size_bytes < LOG_RING_BYTES - place ? size_bytes : LOG_RING_BYTES - place;
    memcpy(bytes, ring + place, before_wrap);
    memcpy((char *)bytes + before_wrap, ring, size_bytes - before_wrap);
}

static void ring_drop_oldest(void)
{
    struct log_record record;
    ring_read(ring_start, &record, HEADER_BYTES);
    ring_start += HEADER_BYTES + record.text_len;
    first_sequence++;
}

static void ring_append(const struct log_record *record)
{
    const size_t size_bytes = HEADER_BYTES + record->text_len;
    while (ring_end - ring_start + size_bytes > LOG_RING_BYTES)
        ring_drop_oldest();
    ring_write(ring_end, record, size_bytes);
    ring_end += size_bytes;
}

/* A newline would let a program write lines in the kernel's name, an escape play with the terminal. Bytes
 * above 0x7f stay: they are UTF-8. */
static void text_defuse(struct log_record *record)
{
    for (uint32_t i = 0; i < record->text_len; i++) {
        const unsigned char byte = (unsigned char)record->text[i];
        if (byte < ' ' || byte == 0x7f)
            record->text[i] = '?';
    }
}

/* Text and level are set; the rest is filled in here. */
static void record_commit(struct log_record *record)
{
    text_defuse(record);
    record->time_ns = clock_now_ns();
    spinlock_acquire(&log_lock);
    record->sequence = next_sequence++;
    ring_append(record);
    if (record->level <= print_level) {
        /* The newline takes the place of the terminating NUL, so that the line is one write. */
        record->text[record->text_len] = '\n';
        log_port_write(record->text, record->text_len + 1);
    }
    spinlock_release(&log_lock);
}

void log_print(enum log_level level, const char *format, ...)
{
    struct log_record record = {.process_id = 0, .level = level};
    va_list arguments;
    va_start(arguments, format);
    record.text_len = (uint32_t)format_text(record.text, sizeof(record.text), format, arguments);
    va_end(arguments);
    record_commit(&record);
}

void log_write(enum log_level level, uint64_t process_id, const char *text, size_t len)
{
    struct log_record record = {.process_id = process_id, .level = level};
    record.text_len = (uint32_t)(len < LOG_TEXT_MAX ? len : LOG_TEXT_MAX);
    memcpy(record.text, text, record.text_len);
    record_commit(&record);
}

bool log_read(uint64_t cursor, struct log_record *out)
{
    spinlock_acquire(&log_lock);
    uint64_t offset = ring_start;
    uint64_t sequence = first_sequence;
    bool found = false;
    while (offset != ring_end && !found) {
        ring_read(offset, out, HEADER_BYTES);
        found = sequence++ >= cursor;
        if (found) {
            ring_read(offset + HEADER_BYTES, out->text, out->text_len);
            memset(out->text + out->text_len, 0, sizeof(out->text) - out->text_len);
        }
        offset += HEADER_BYTES + out->text_len;
    }
    spinlock_release(&log_lock);
    return found;
}

static bool word_is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

void log_init(const char *command_line)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    size_t len = 0;
    const char *port = command_line_option(command_line, "log=", &len);
    if (port != NULL && !log_port_choose(port, len))
        log_print(LOG_WARN, "log: no port %.*s; there are com1, debugcon and none", (int)len, port);
    const char *level = command_line_option(command_line, "loglevel=", &len);
    bool known = level == NULL;
    for (size_t i = 0; level != NULL && i < array_count(levels); i++) {
        if (word_is(level, len, levels[i])) {
            print_level = (enum log_level)i;
            known = true;
        }
    }
    if (!known)
        log_print(LOG_WARN, "log: no level %.*s; there are error, warn, info and debug", (int)len, level);
}
