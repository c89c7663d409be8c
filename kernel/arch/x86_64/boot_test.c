/*
 * Boot information: what both loaders leave, well formed and hostile, and the list of free RAM against a
 * model that keeps one flag per page.
 */
#include "arch/x86_64/boot.h"
#include "arch/x86_64/boot_regions.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 65536, VIEWS_MAX = 8192, MODEL_PAGES = 256, ROUNDS = 20000 };
#define ARENA_BASE UINT64_C(0x9000)

/* Physical memory: an arena at ARENA_BASE. Each view is a copy of its own, so that the sanitizer sees every
 * byte that is read outside of what was asked for. */
static uint8_t arena[ARENA_BYTES];
static void *views[VIEWS_MAX];
static size_t view_count;
static struct boot_info boot;

static void views_free(void)
{
    while (view_count != 0)
        free(views[--view_count]);
}

const void *boot_physical(uint64_t address, uint64_t size_bytes)
{
    if (address < ARENA_BASE || address - ARENA_BASE > ARENA_BYTES ||
        size_bytes > ARENA_BYTES - (address - ARENA_BASE))
        return NULL;
    assert_true(view_count < VIEWS_MAX);
    void *view = malloc(size_bytes == 0 ? 1 : size_bytes);
    memcpy(view, arena + (address - ARENA_BASE), size_bytes);
    views[view_count++] = view;
    return view;
}

/* ---- Making what a loader makes. */
static size_t made;
enum { RSDP = 0xf5a30, RSDP_BYTES = 20 };

static uint64_t make(const void *bytes, size_t size_bytes)
{
    const uint64_t address = ARENA_BASE + made;
    memcpy(arena + made, bytes, size_bytes);
    made += size_bytes;
    return address;
}

static void make_align(void)
{
    made = (made + 7) & ~(size_t)7;
}

static uint64_t make_u32(uint32_t value)
{
    return make(&value, sizeof(value));
}

static uint64_t make_u64(uint64_t value)
{
    return make(&value, sizeof(value));
}

static uint64_t make_map_entry(uint64_t base, uint64_t size_bytes, uint32_t type)
{
    const uint64_t address = make_u64(base);
    make_u64(size_bytes);
    make_u32(type);
    make_u32(0);
    return address;
}

static void make_reset(void)
{
    memset(arena, 0, sizeof(arena));
    made = 0;
}

static uint64_t make_map(void)
{
    const uint64_t map = make_map_entry(0, 0x9fc00, 1);
    make_map_entry(0x9fc00, 0x400, 2);
    make_map_entry(0x100000, 0x3f00000, 1);
    make_map_entry(0x3f00000, 0x1000, 3);
    return map;
}
enum { MAP_ENTRIES = 4 };

static uint64_t make_pvh(const char *line, uint32_t modules)
{
    make_reset();
    const uint64_t map = make_map();
    const uint64_t command_line = make(line, strlen(line) + 1);
    make_align();
    uint64_t list = ARENA_BASE + made;
    for (uint32_t i = 0; i < modules; i++) {
        make_u64(0x200000 + i * 0x10000u);
        make_u64(0x5001);
        make_u64(0);
        make_u64(0);
    }
    const uint64_t info = make_u32(0x336ec578);
    make_u32(1);
    make_u32(0);
    make_u32(modules);
    make_u64(list);
    make_u64(command_line);
    make_u64(RSDP);
    make_u64(map);
    make_u32(MAP_ENTRIES);
    make_u32(0);
    return info;
}

static uint64_t rsdp_tag_content; /* of the one that counts */

static void make_rsdp_tag(uint32_t type)
{
    static const uint8_t rsdp[RSDP_BYTES] = "RSD PTR ";
    make_u32(type);
    make_u32(8 + RSDP_BYTES);
    make(rsdp, sizeof(rsdp));
    make_align();
}

static uint64_t make_multiboot2(const char *line)
{
    make_reset();
    const uint64_t info = make_u32(0);
    make_u32(0);
    make_u32(1); /* command line */
    make_u32((uint32_t)(8 + strlen(line) + 1));
    make(line, strlen(line) + 1);
    make_align();
    make_u32(3); /* module */
    make_u32(8 + 8 + 2);
    make_u32(0x200000);
    make_u32(0x205001);
    make("m", 2);
    make_align();
    make_u32(6); /* memory map */
    make_u32(16 + MAP_ENTRIES * 24);
    make_u32(24);
    make_u32(0);
    make_map();
    make_align();
    make_rsdp_tag(14);
    rsdp_tag_content = ARENA_BASE + made + 8;
    make_rsdp_tag(15);
    make_rsdp_tag(14);
    make_u32(0);
    make_u32(8);
    const uint32_t total = (uint32_t)made;
    memcpy(arena, &total, sizeof(total));
    return info;
}

/* ---- Well formed. */
static void assert_is_what_was_made(const char *protocol, const char *line)
{
    assert_string_equal(boot.protocol, protocol);
    assert_string_equal(boot.command_line, line);
    assert_int_equal(boot.module_count, 1);
    assert_int_equal(boot.module_base, 0x200000);
    assert_int_equal(boot.module_size_bytes, 0x5001);
    assert_int_equal(boot.memory_end, 0x4000000);
    assert_int_equal(boot.region_count, 3);
    assert_int_equal(boot.regions[0].base, 0);
    assert_int_equal(boot.regions[0].size_bytes, 0x9f000); /* the last page is not wholly RAM */
    assert_int_equal(boot.regions[1].base, 0x100000);
    assert_int_equal(boot.regions[1].size_bytes, 0x3e00000); /* type 3 contradicts the rest */
    assert_int_equal(boot.regions[2].base, 0x3f01000);
}

static void pvh_is_read(void)
{
    assert_null(boot_info_read(&boot, BOOT_PROTOCOL_PVH, make_pvh("log=com1 x", 1)));
    assert_is_what_was_made("pvh", "log=com1 x");
    assert_int_equal(boot.rsdp, RSDP);
}

static void multiboot2_is_read(void)
{
    assert_null(boot_info_read(&boot, BOOT_PROTOCOL_MULTIBOOT2, make_multiboot2("log=com1 y")));
    assert_is_what_was_made("multiboot2", "log=com1 y");
    assert_int_equal(boot.rsdp, rsdp_tag_content);
}

static void modules_are_counted(void)
{
    assert_null(boot_info_read(&boot, BOOT_PROTOCOL_PVH, make_pvh("", 0)));
    assert_int_equal(boot.module_count, 0);
    assert_null(boot_info_read(&boot, BOOT_PROTOCOL_PVH, make_pvh("", 3)));
    assert_int_equal(boot.module_count, 3);
    assert_int_equal(boot.module_base, 0x200000);
}

static void long_command_line_is_cut(void)
{
    char line[BOOT_COMMAND_LINE_MAX + 100];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    assert_null(boot_info_read(&boot, BOOT_PROTOCOL_PVH, make_pvh(line, 1)));
    assert_int_equal(strlen(boot.command_line), BOOT_COMMAND_LINE_MAX - 1);
    assert_null(boot_info_read(&boot, BOOT_PROTOCOL_MULTIBOOT2, make_multiboot2(line)));
    assert_int_equal(strlen(boot.command_line), BOOT_COMMAND_LINE_MAX - 1);
}

/* ---- Hostile. */
static void poke_u32(uint64_t address, uint32_t value)
{
    memcpy(arena + (address - ARENA_BASE), &value, sizeof(value));
}

static void assert_refused(uint32_t protocol, uint64_t info, const char *part)
{
    const char *wrong = boot_info_read(&boot, protocol, info);
    assert_non_null(wrong);
    if (strstr(wrong, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", wrong, part);
}

static void bad_pvh_is_refused(void)
{
    const uint64_t info = make_pvh("", 1);
    assert_refused(BOOT_PROTOCOL_PVH, 0, "outside");
    assert_refused(BOOT_PROTOCOL_PVH, ARENA_BASE + ARENA_BYTES - 8, "outside");
    poke_u32(info, 1);
    assert_refused(BOOT_PROTOCOL_PVH, info, "version 1");
    poke_u32(make_pvh("", 1) + 4, 0);
    assert_refused(BOOT_PROTOCOL_PVH, info, "version 1");
    poke_u32(make_pvh("", 1) + 48, 0);
    assert_refused(BOOT_PROTOCOL_PVH, info, "memory map");
    poke_u32(make_pvh("", 1) + 48, UINT32_MAX);
    assert_refused(BOOT_PROTOCOL_PVH, info, "memory map");
    poke_u32(make_pvh("", 1) + 44, 7);
    assert_refused(BOOT_PROTOCOL_PVH, info, "memory map lies");
    poke_u32(make_pvh("", 1) + 12, UINT32_MAX);
    assert_refused(BOOT_PROTOCOL_PVH, info, "too many modules");
    poke_u32(make_pvh("", 1) + 16 + 4, UINT32_MAX);
    assert_refused(BOOT_PROTOCOL_PVH, info, "module list");
    make_pvh("", 1);
    for (unsigned i = 0; i < MAP_ENTRIES; i++)
        poke_u32(ARENA_BASE + i * 24 + 16, 2);
    assert_refused(BOOT_PROTOCOL_PVH, info, "no RAM");
}

static void module_outside_ram_is_refused(void)
{
    const uint64_t info = make_multiboot2("");
    const uint64_t module = info + 8 + 16 + 8;
    poke_u32(module, 0xa0000);
    poke_u32(module + 4, 0xa1000);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "not lie in RAM");
    poke_u32(module, 0x3fff000);
    poke_u32(module + 4, 0x4000001);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "not lie in RAM");
    poke_u32(module + 4, 0x3ffefff);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "ends before");
}

static void bad_multiboot2_is_refused(void)
{
    const uint64_t info = make_multiboot2("");
    const uint64_t first_tag = info + 8;
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, ARENA_BASE + ARENA_BYTES - 4, "outside");
    poke_u32(info, UINT32_MAX);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "impossible size");
    poke_u32(info, 4);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "no end tag");
    make_multiboot2("");
    poke_u32(first_tag + 4, 7);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "tag has an impossible");
    poke_u32(first_tag + 4, 0xfffffff8);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "tag has an impossible");
    make_multiboot2("");
    poke_u32(first_tag + 16 + 4, 9);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "cut short");
    make_multiboot2("");
    poke_u32(first_tag + 16 + 24 + 8, 0);
    assert_refused(BOOT_PROTOCOL_MULTIBOOT2, info, "wrong size");
}

/* Whatever the loader wrote, the result is well formed or refused. */
static void assert_well_formed(void)
{
    uint64_t end = 0;
    assert_true(boot.region_count != 0 && boot.region_count <= BOOT_REGIONS_MAX);
    for (size_t i = 0; i < boot.region_count; i++) {
        assert_true(boot.regions[i].base >= end && boot.regions[i].size_bytes != 0);
        assert_true(((boot.regions[i].base | boot.regions[i].size_bytes) & PAGE_MASK) == 0);
        end = boot.regions[i].base + boot.regions[i].size_bytes;
    }
    assert_true(end <= BOOT_MEMORY_MAX && boot.memory_end == end);
    assert_true(memchr(boot.command_line, '\0', sizeof(boot.command_line)) != NULL);
}

static void damaged_information_is_survived(void)
{
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        const bool pvh = round % 2 == 0;
        const uint64_t info = pvh ? make_pvh("a line", 2) : make_multiboot2("a line");
        for (int damage = rand() % 4; damage >= 0; damage--) {
            const size_t place = (size_t)rand() % made;
            arena[place] = rand() % 2 == 0 ? (uint8_t)rand() : 0xff;
        }
        if (boot_info_read(&boot, pvh ? BOOT_PROTOCOL_PVH : BOOT_PROTOCOL_MULTIBOOT2, info) == NULL)
            assert_well_formed();
        views_free();
    }
}

/* ---- The list of regions. */
static bool model[MODEL_PAGES];

static void assert_equals_model(void)
{
    size_t next = 0; /* region */
    for (size_t page = 0; page < MODEL_PAGES; page++) {
        while (next < boot.region_count &&
               boot.regions[next].base + boot.regions[next].size_bytes <= page * PAGE_SIZE)
            next++;
        const bool in_list = next < boot.region_count && boot.regions[next].base <= page * PAGE_SIZE;
        assert_int_equal(in_list, model[page]);
    }
}

static void regions_follow_the_model(void)
{
    srand(2);
    for (int round = 0; round < ROUNDS / 20; round++) {
        memset(&boot, 0, sizeof(boot));
        memset(model, 0, sizeof(model));
        for (int step = 0; step < 20; step++) {
            const uint64_t base = (uint64_t)rand() % (MODEL_PAGES * PAGE_SIZE);
            uint64_t size_bytes = (uint64_t)rand() % (40 * PAGE_SIZE);
            if (base + size_bytes > MODEL_PAGES * PAGE_SIZE)
                size_bytes = MODEL_PAGES * PAGE_SIZE - base;
            const bool add = rand() % 2 == 0;
            add ? boot_regions_add(&boot, base, size_bytes) : boot_regions_cut(&boot, base, size_bytes);
            for (uint64_t page = 0; page < MODEL_PAGES; page++) {
                const uint64_t start = page * PAGE_SIZE, end = start + PAGE_SIZE;
                if (add && start >= base && end <= base + size_bytes)
                    model[page] = true;
                if (!add && start < base + size_bytes && end > base && size_bytes != 0)
                    model[page] = false;
            }
            assert_equals_model();
        }
    }
}

static void full_list_keeps_the_large_ones(void)
{
    memset(&boot, 0, sizeof(boot));
    for (uint64_t i = 0; i < 3 * BOOT_REGIONS_MAX; i++)
        boot_regions_add(&boot, i * 0x10000, i % 3 == 0 ? 0x3000 : 0x1000);
    assert_int_equal(boot.region_count, BOOT_REGIONS_MAX);
    boot_regions_add(&boot, UINT64_C(1) << 40, 0x8000);
    assert_true(boot_regions_contain(&boot, UINT64_C(1) << 40, 0x8000));
    boot_regions_cut(&boot, (UINT64_C(1) << 40) + 0x3000, 1);
    assert_int_equal(boot.region_count, BOOT_REGIONS_MAX);
    assert_true(boot_regions_contain(&boot, (UINT64_C(1) << 40) + 0x4000, 0x4000));
}

static void impossible_ranges_are_ignored(void)
{
    memset(&boot, 0, sizeof(boot));
    boot_regions_add(&boot, UINT64_MAX, UINT64_MAX);
    boot_regions_add(&boot, BOOT_MEMORY_MAX, 0x10000);
    boot_regions_add(&boot, 0x1001, 0x1ffe);
    assert_int_equal(boot.region_count, 0);
    boot_regions_add(&boot, 0x1000, UINT64_MAX);
    assert_int_equal(boot.region_count, 1);
    assert_int_equal(boot.regions[0].base + boot.regions[0].size_bytes, BOOT_MEMORY_MAX);
    boot_regions_cut(&boot, UINT64_MAX, 1);
    boot_regions_cut(&boot, 0x2000, UINT64_MAX);
    assert_int_equal(boot.region_count, 1);
    assert_int_equal(boot.regions[0].size_bytes, 0x1000);
}

static void pages_are_taken_from_the_bottom(void)
{
    uint64_t page = 1;
    memset(&boot, 0, sizeof(boot));
    assert_false(boot_regions_take_page(&boot, UINT64_MAX, &page));
    boot_regions_add(&boot, 0x5000, 0x1000);
    boot_regions_add(&boot, 0x8000, 0x2000);
    assert_true(boot_regions_take_page(&boot, 0x100000, &page) && page == 0x5000);
    assert_int_equal(boot.region_count, 1);
    assert_false(boot_regions_take_page(&boot, 0x8fff, &page));
    assert_true(boot_regions_take_page(&boot, 0x9000, &page) && page == 0x8000);
    assert_int_equal(boot.regions[0].base, 0x9000);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(pvh_is_read),
        UNIT_TEST(multiboot2_is_read),
        UNIT_TEST(modules_are_counted),
        UNIT_TEST(long_command_line_is_cut),
        UNIT_TEST(bad_pvh_is_refused),
        UNIT_TEST(module_outside_ram_is_refused),
        UNIT_TEST(bad_multiboot2_is_refused),
        UNIT_TEST(damaged_information_is_survived),
        UNIT_TEST(regions_follow_the_model),
        UNIT_TEST(full_list_keeps_the_large_ones),
        UNIT_TEST(impossible_ranges_are_ignored),
        UNIT_TEST(pages_are_taken_from_the_bottom),
    };
    return UNIT_MAIN(tests, NULL, views_free);
}
