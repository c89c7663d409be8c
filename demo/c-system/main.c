/*
 * Looking at the machine through capabilities: its figures, the log, one's own capabilities, the boot
 * package; and what each of them refuses. Every line says `ok` or FAIL.
 */
#include <capos/call.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <string.h>

static cap_console console;
static int failures;
static uint64_t memory[2048];
static struct cap_buffer buffer = {memory, sizeof(memory)};

static void check(bool holds, const char *what)
{
    capos_printf(console, "[c-system] %s %s\n", holds ? "ok" : "FAIL", what);
    failures += holds ? 0 : 1;
}

static bool refused_with(int32_t status, uint32_t kind)
{
    return status == CAPOS_ERR_EXCEPTION && cap_exception_last()->kind == kind;
}

static void look_at_stats(cap_system_info info)
{
    struct cap_system_info_stats_results stats;
    check(cap_system_info_stats(info, &stats, &buffer) >= 0, "stats");
    check(stats.processes == 2 && stats.threads == 2, "two processes with one thread each");
    check(stats.has_memory && stats.memory.frames_free > 0 &&
              stats.memory.frames_free < stats.memory.frames_total,
          "some frames are free, not all");
    struct cap_system_info_version_results version;
    check(cap_system_info_version(info, &version, &buffer) >= 0 && version.schema_version == 1, "version");
    struct cap_system_info_counters_results before, after;
    bool read = cap_system_info_counters(info, &before) >= 0 && cap_system_info_counters(info, &after) >= 0;
    check(read && after.kernel_entries > before.kernel_entries, "kernel entries are counted");
}

static void look_at_processes(cap_system_info info)
{
    struct cap_system_info_process_results found;
    check(cap_system_info_process(info, 0, &found, &buffer) >= 0 && found.stats.process_id == 1 &&
              found.next_process_id == capos_process_id(),
          "init is the first process");
    check(cap_system_info_process(info, capos_process_id(), &found, &buffer) >= 0 &&
              found.stats.name.len == 8 && memcmp(found.stats.name.bytes, "c-system", 8) == 0 &&
              found.stats.cap_slots_used == capos_capset()->entry_count,
          "we find ourselves, with as many capabilities as we were granted");
    check(found.stats.frames_used > 0 && found.stats.frames_used < found.stats.frames_limit,
          "within our budget of frames");
    check(refused_with(cap_system_info_process(info, 1000, &found, &buffer), CAPOS_EXCEPTION_FAILED),
          "no process 1000");
}

/* Reads the log to its end; true if a record holds the text. */
static bool log_has(cap_log_reader reader, const char *text, uint64_t process_id)
{
    struct cap_log_reader_read_results batch = {.next_cursor = 0};
    bool found = false;
    do {
        if (cap_log_reader_read(reader, batch.next_cursor, 16, &batch, &buffer) < 0)
            return false;
        for (size_t i = 0; i < batch.records.count; i++) {
            struct cap_log_record record;
            if (cap_log_record_list_get(&batch.records, i, &record) < 0)
                return false;
            found = found || (record.process_id == process_id && record.text.len == strlen(text) &&
                              memcmp(record.text.bytes, text, record.text.len) == 0);
        }
    } while (batch.records.count > 0);
    return found;
}

static void look_at_log(cap_log_reader reader, cap_log_sink sink)
{
    static const char line[] = "[c-system] a line for the log";
    static char too_long[257];
    memset(too_long, 'x', sizeof(too_long));
    check(cap_log_sink_write(sink, CAP_LOG_LEVEL_INFO, capnp_text_of(line)) >= 0, "wrote to the log");
    check(log_has(reader, line, capos_process_id()), "and read it back under our process id");
    check(refused_with(
              cap_log_sink_write(sink, CAP_LOG_LEVEL_INFO, (struct capnp_text){too_long, sizeof(too_long)}),
              CAPOS_EXCEPTION_INVALID_ARGUMENT),
          "257 bytes are too long for a record");
    check(refused_with(cap_log_sink_write(sink, (enum cap_log_level)9, capnp_text_of("x")),
                       CAPOS_EXCEPTION_INVALID_ARGUMENT),
          "there is no log level 9");
}

static void look_at_capabilities(cap_capability_manager manager)
{
    const struct capos_capset_header *capset = capos_capset();
    struct cap_capability_manager_list_results list;
    uint32_t seen = 0, cursor = 0;
    bool matches = true;
    do {
        if (cap_capability_manager_list(manager, cursor, 3, &list, &buffer) < 0)
            break;
        for (size_t i = 0; i < list.entries.count; i++, seen++) {
            struct cap_cap_info entry;
            const struct capos_capset_entry *granted = capos_capset_entry(seen);
            matches = matches && granted != NULL && cap_cap_info_list_get(&list.entries, i, &entry) >= 0 &&
                      entry.cap_id == granted->cap_id && entry.interface_id == granted->interface_id &&
                      entry.origin == CAP_CAP_INFO_ORIGIN_SPAWN_GRANT;
        }
        cursor = list.next_cursor;
    } while (cursor != 0);
    check(matches && seen == capset->entry_count, "the capability list is the CapSet, three at a time");
}

static void look_at_boot_package(cap_boot_package boot)
{
    struct cap_boot_package_manifest_size_results size;
    struct cap_boot_package_read_manifest_results part;
    check(cap_boot_package_manifest_size(boot, &size) >= 0 && size.size > 0, "the boot package has a size");
    check(cap_boot_package_read_manifest(boot, 0, 4096, &part, &buffer) >= 0 && part.data.len == 4096,
          "read 4096 bytes of it");
    check(cap_boot_package_read_manifest(boot, size.size - 10, 4096, &part, &buffer) >= 0 &&
              part.data.len == 10,
          "ten bytes before the end there are ten");
    check(cap_boot_package_read_manifest(boot, UINT64_MAX, 1, &part, &buffer) >= 0 && part.data.len == 0,
          "far behind the end there is nothing");
    check(refused_with(cap_boot_package_read_manifest(boot, 0, 4097, &part, &buffer),
                       CAPOS_EXCEPTION_INVALID_ARGUMENT),
          "4097 bytes are too many");
    struct cap_boot_package_manifest_results whole;
    struct cap_memory_object_info_results info;
    check(cap_boot_package_manifest(boot, &whole) >= 0 && cap_memory_object_info(whole.object, &info) >= 0 &&
              info.size == size.size && !info.writable,
          "as an object it is read-only");
    struct cap_memory_object_map_results map;
    check(cap_memory_object_map(whole.object, 0, 0, 4096, 3, &map) < 0, "so it cannot be mapped writable");
    check(cap_memory_object_map(whole.object, 0, 0, 4096, 1, &map) >= 0, "but readable");
    const struct capos_capset_header *misread = (const void *)(uintptr_t)map.address;
    check(cap_boot_package_read_manifest(boot, 0, 64, &part, &buffer) >= 0 &&
              memcmp(misread, part.data.bytes, 64) == 0,
          "and holds the same bytes");
}

int main(void)
{
    console = capos_need_console("console");
    look_at_stats(capos_need_system_info("info"));
    look_at_processes(capos_need_system_info("info"));
    look_at_log(capos_need_log_reader("log"), capos_need_log_sink("sink"));
    look_at_capabilities(capos_need_capability_manager("capabilities"));
    look_at_boot_package(capos_need_boot_package("boot"));
    return failures == 0 ? 0 : 1;
}
