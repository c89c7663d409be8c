/*
 * Reads what PVH (hvm_start_info version 1) or Multiboot2 loaders leave in memory into struct boot_info.
 *
 * Nothing the loader wrote is trusted: every structure is reached through boot_physical, which bounds it, and
 * copied before it is looked at. RAM is what an entry of type 1 says and no entry of another type
 * contradicts.
 */
#include "arch/x86_64/boot.h"
#include "arch/x86_64/boot_regions.h"
#include <base/string.h>

enum { MEMORY_RAM = 1, MAP_ENTRIES_MAX = 4096, MODULES_MAX = 64 };

/* ---- Layouts fixed by the protocols. */
#define PVH_MAGIC 0x336ec578u
struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};
struct pvh_module {
    uint64_t base, size_bytes, command_line, reserved;
};

/* One memory map entry; both protocols' entries begin like this. */
struct map_entry {
    uint64_t base, size_bytes;
    uint32_t type, reserved;
};

enum {
    MB2_TAG_END = 0,
    MB2_TAG_COMMAND_LINE = 1,
    MB2_TAG_MODULE = 3,
    MB2_TAG_MEMORY_MAP = 6,
    MB2_TAG_RSDP_V1 = 14, /* a copy of the root pointer, of ACPI 1 and of later versions */
    MB2_TAG_RSDP_V2 = 15,
};
enum { MB2_INFO_MAX_BYTES = 1 << 20 };
struct mb2_tag {
    uint32_t type, size_bytes;
};
struct mb2_module {
    uint32_t start, end;
};
struct mb2_map {
    uint32_t entry_bytes, entry_version;
};

/* A memory map in place: `count` entries, `stride` bytes apart. */
struct map_view {
    const uint8_t *entries;
    size_t count, stride;
};

static void read_memory_map(struct boot_info *boot, struct map_view map)
{
    struct map_entry entry;
    for (size_t i = 0; i < map.count; i++) {
        memcpy(&entry, map.entries + i * map.stride, sizeof(entry));
        if (entry.type == MEMORY_RAM)
            boot_regions_add(boot, entry.base, entry.size_bytes);
    }
    for (size_t i = 0; i < map.count; i++) {
        memcpy(&entry, map.entries + i * map.stride, sizeof(entry));
        if (entry.type != MEMORY_RAM)
            boot_regions_cut(boot, entry.base, entry.size_bytes);
    }
    if (boot->region_count != 0) {
        const struct boot_region *last = &boot->regions[boot->region_count - 1];
        boot->memory_end = last->base + last->size_bytes;
    }
}

/* Text ends at its NUL, at `limit_bytes`, or where the kernel's own copy is full. */
static void read_command_line(struct boot_info *boot, const char *text, size_t limit_bytes)
{
    size_t length = 0;
    while (length < limit_bytes && length < BOOT_COMMAND_LINE_MAX - 1 && text[length] != '\0') {
        boot->command_line[length] = text[length];
        length++;
    }
    boot->command_line[length] = '\0';
}

static void read_module(struct boot_info *boot, uint64_t base, uint64_t size_bytes)
{
    if (boot->module_count++ == 0) {
        boot->module_base = base;
        boot->module_size_bytes = size_bytes;
    }
}

static const char *read_pvh(struct boot_info *boot, uint64_t address)
{
    boot->protocol = "pvh";
    const void *at = boot_physical(address, sizeof(struct pvh_start_info));
    struct pvh_start_info info;
    if (at == NULL)
        return "PVH: the start info lies outside the first 4 GiB";
    memcpy(&info, at, sizeof(info));
    if (info.magic != PVH_MAGIC || info.version < 1)
        return "PVH: the start info is not of version 1 or later";
    if (info.memory_map_count == 0 || info.memory_map_count > MAP_ENTRIES_MAX)
        return "PVH: no memory map, or one with too many entries";
    const uint8_t *map = boot_physical(info.memory_map, info.memory_map_count * sizeof(struct map_entry));
    if (map == NULL)
        return "PVH: the memory map lies outside the first 4 GiB";
    read_memory_map(boot, (struct map_view){map, info.memory_map_count, sizeof(struct map_entry)});

    boot->rsdp = info.rsdp;
    const char *line = boot_physical(info.command_line, BOOT_COMMAND_LINE_MAX);
    if (line != NULL)
        read_command_line(boot, line, BOOT_COMMAND_LINE_MAX);
    if (info.module_count > MODULES_MAX)
        return "PVH: too many modules";
    for (uint32_t i = 0; i < info.module_count; i++) {
        const void *record =
            boot_physical(info.modules + i * sizeof(struct pvh_module), sizeof(struct pvh_module));
        struct pvh_module module;
        if (record == NULL)
            return "PVH: the module list lies outside the first 4 GiB";
        memcpy(&module, record, sizeof(module));
        read_module(boot, module.base, module.size_bytes);
    }
    return NULL;
}

static const char *read_mb2_map(struct boot_info *boot, const uint8_t *body, size_t size_bytes)
{
    struct mb2_map map;
    if (size_bytes < sizeof(map))
        return "Multiboot2: the memory map is cut short";
    memcpy(&map, body, sizeof(map));
    if (map.entry_bytes < sizeof(struct map_entry) || map.entry_bytes % 8 != 0)
        return "Multiboot2: the memory map's entries have a wrong size";
    size_t count = (size_bytes - sizeof(map)) / map.entry_bytes;
    if (count > MAP_ENTRIES_MAX)
        return "Multiboot2: the memory map has too many entries";
    read_memory_map(boot, (struct map_view){body + sizeof(map), count, map.entry_bytes});
    return NULL;
}

static const char *read_mb2_module(struct boot_info *boot, const uint8_t *body, size_t size_bytes)
{
    struct mb2_module module;
    if (size_bytes < sizeof(module))
        return "Multiboot2: a module tag is cut short";
    memcpy(&module, body, sizeof(module));
    if (module.end < module.start)
        return "Multiboot2: a module ends before it starts";
    read_module(boot, module.start, module.end - module.start);
    return NULL;
}

/* What a tag is and where its content lies, for the ones that are read in place later. */
struct tag_place {
    uint32_t type;
    uint64_t physical;
};

static const char *read_mb2_tag(struct boot_info *boot, struct tag_place place, const uint8_t *body,
                                size_t size_bytes)
{
    if (place.type == MB2_TAG_RSDP_V2 || (place.type == MB2_TAG_RSDP_V1 && boot->rsdp == 0))
        boot->rsdp = place.physical;
    switch (place.type) {
    case MB2_TAG_COMMAND_LINE:
        read_command_line(boot, (const char *)body, size_bytes);
        return NULL;
    case MB2_TAG_MODULE:
        return read_mb2_module(boot, body, size_bytes);
    case MB2_TAG_MEMORY_MAP:
        return read_mb2_map(boot, body, size_bytes);
    default:
        return NULL;
    }
}

static const char *read_multiboot2(struct boot_info *boot, uint64_t address)
{
    boot->protocol = "multiboot2";
    const void *at = boot_physical(address, 8);
    uint32_t total_bytes;
    if (at == NULL)
        return "Multiboot2: the information lies outside the first 4 GiB";
    memcpy(&total_bytes, at, sizeof(total_bytes));
    const uint8_t *info = boot_physical(address, total_bytes);
    if (info == NULL || total_bytes > MB2_INFO_MAX_BYTES)
        return "Multiboot2: the information has an impossible size";

    size_t offset = 8;
    while (total_bytes >= sizeof(struct mb2_tag) && offset <= total_bytes - sizeof(struct mb2_tag)) {
        struct mb2_tag tag;
        memcpy(&tag, info + offset, sizeof(tag));
        if (tag.type == MB2_TAG_END)
            return NULL;
        if (tag.size_bytes < sizeof(tag) || tag.size_bytes > total_bytes - offset)
            return "Multiboot2: a tag has an impossible size";
        const struct tag_place place = {tag.type, address + offset + sizeof(tag)};
        const char *wrong =
            read_mb2_tag(boot, place, info + offset + sizeof(tag), tag.size_bytes - sizeof(tag));
        if (wrong != NULL)
            return wrong;
        offset += align_up(tag.size_bytes, 8);
    }
    return "Multiboot2: the information has no end tag";
}

const char *boot_info_read(struct boot_info *boot, uint32_t protocol, uint64_t info)
{
    memset(boot, 0, sizeof(*boot));
    const char *wrong = protocol == BOOT_PROTOCOL_PVH ? read_pvh(boot, info) : read_multiboot2(boot, info);
    if (wrong != NULL)
        return wrong;
    if (boot->region_count == 0)
        return "the loader's memory map holds no RAM";
    if (boot->module_count != 0 && boot->module_size_bytes != 0 &&
        !boot_regions_contain(boot, boot->module_base, boot->module_size_bytes))
        return "the boot package does not lie in RAM";
    return NULL;
}
