/* acpi.c against tables made here: all ways to the MADT, and damage of every kind. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/boot.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* Low memory as the firmware leaves it. Nothing outside is readable. */
enum { MEMORY_BYTES = 0x100000, RSDP_AT = 0x5000, ROOT_AT = 0x6000, MADT_AT = 0x7000, OTHER_AT = 0x8000 };
enum { DAMAGE_ROUNDS = 20000, HEADER_BYTES = 36, VIEWS_MAX = 65536 };

static uint8_t *memory;
static uint8_t
    *views[VIEWS_MAX]; /* exact copies, so that the sanitizer sees every byte too many that is read */
static size_t view_count;
static size_t madt_bytes;
static struct acpi_cpus cpus;

const void *boot_physical(uint64_t address, uint64_t size_bytes)
{
    if (address == 0 || address >= MEMORY_BYTES || size_bytes > MEMORY_BYTES - address)
        return NULL;
    assert_true(view_count < VIEWS_MAX);
    uint8_t *view = malloc(size_bytes != 0 ? size_bytes : 1);
    if (view == NULL)
        return NULL;
    memcpy(view, memory + address, size_bytes);
    return views[view_count++] = view;
}

static void views_free(void)
{
    while (view_count > 0)
        free(views[--view_count]);
}

static void put(uint32_t at, uint64_t value, size_t size_bytes)
{
    memcpy(memory + at, &value, size_bytes);
}

static void seal(uint32_t at, size_t size_bytes, uint32_t checksum_at)
{
    uint8_t sum = 0;
    memory[checksum_at] = 0;
    for (size_t i = 0; i < size_bytes; i++)
        sum = (uint8_t)(sum + memory[at + i]);
    memory[checksum_at] = (uint8_t)-sum;
}

static void table_seal(uint32_t at, const char *signature, size_t size_bytes)
{
    memcpy(memory + at, signature, 4);
    put(at + 4, size_bytes, 4);
    seal(at, size_bytes, at + 9);
}

static void rsdp_make(uint32_t at, int revision)
{
    memcpy(memory + at, "RSD PTR ", 8);
    memory[at + 15] = (uint8_t)revision;
    put(at + 16, revision < 2 ? ROOT_AT : 0, 4);
    seal(at, 20, at + 8);
    if (revision < 2)
        return;
    put(at + 20, 36, 4);
    put(at + 24, ROOT_AT, 8);
    seal(at, 36, at + 32);
}

static void madt_begin(void)
{
    madt_bytes = HEADER_BYTES + 8;
}

static void madt_add(const uint8_t *entry, size_t size_bytes)
{
    memcpy(memory + MADT_AT + madt_bytes, entry, size_bytes);
    madt_bytes += size_bytes;
}

static void madt_add_cpu(uint8_t apic_id, uint8_t flags)
{
    madt_add((const uint8_t[]){0, 8, apic_id, apic_id, flags, 0, 0, 0}, 8);
}

static void madt_add_x2cpu(uint32_t apic_id, uint8_t flags)
{
    uint8_t entry[16] = {9, 16, 0, 0, 0, 0, 0, 0, flags};
    memcpy(entry + 4, &apic_id, sizeof(apic_id));
    madt_add(entry, sizeof(entry));
}

/* Three CPUs, another table before the MADT in the root. */
static void make(int revision)
{
    const size_t address_bytes = revision < 2 ? 4 : 8;
    if (memory == NULL)
        memory = malloc(MEMORY_BYTES);
    assert_non_null(memory);
    memset(memory, 0, MEMORY_BYTES);
    rsdp_make(RSDP_AT, revision);
    put(ROOT_AT + HEADER_BYTES, OTHER_AT, address_bytes);
    put(ROOT_AT + HEADER_BYTES + (uint32_t)address_bytes, MADT_AT, address_bytes);
    table_seal(ROOT_AT, revision < 2 ? "RSDT" : "XSDT", HEADER_BYTES + 2 * address_bytes);
    table_seal(OTHER_AT, "FACP", 116);
    madt_begin();
    madt_add_cpu(0, 1);
    madt_add((const uint8_t[]){1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12); /* an I/O APIC */
    madt_add_cpu(4, 1);
    madt_add_cpu(2, 1);
    table_seal(MADT_AT, "APIC", madt_bytes);
}

static void assert_three(uint64_t rsdp)
{
    assert_null(acpi_cpus_find(rsdp, &cpus));
    assert_int_equal(cpus.count, 3);
    assert_int_equal(cpus.apic_ids[0], 0);
    assert_int_equal(cpus.apic_ids[1], 4);
    assert_int_equal(cpus.apic_ids[2], 2);
    assert_int_equal(cpus.unreachable, 0);
}

static void assert_refused(uint64_t rsdp)
{
    assert_non_null(acpi_cpus_find(rsdp, &cpus));
    assert_int_equal(cpus.count, 0);
}

static void both_revisions_are_read(void)
{
    make(0);
    assert_three(RSDP_AT);
    make(2);
    assert_three(RSDP_AT);
}

/* A second I/O APIC, and line 4 elsewhere: where it is looked up, in any order of the entries. */
static void com1_route_is_read(void)
{
    make(2);
    assert_null(acpi_cpus_find(RSDP_AT, &cpus));
    assert_int_equal(cpus.com1.io_apic, 0); /* an address of 0 is none */
    madt_begin();
    madt_add((const uint8_t[]){1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0}, 12);
    table_seal(MADT_AT, "APIC", madt_bytes);
    assert_null(acpi_cpus_find(RSDP_AT, &cpus));
    assert_int_equal(cpus.com1.io_apic, 0xfec00000);
    assert_int_equal(cpus.com1.pin, 4);
    assert_false(cpus.com1.level || cpus.com1.active_low);
    madt_add((const uint8_t[]){1, 12, 0, 0, 0, 0x10, 0xc0, 0xfe, 24, 0, 0, 0}, 12);
    madt_add((const uint8_t[]){2, 10, 0, 9, 31, 0, 0, 0, 0x0f, 0}, 10);
    madt_add((const uint8_t[]){2, 10, 0, 4, 30, 0, 0, 0, 0x0f, 0}, 10);
    table_seal(MADT_AT, "APIC", madt_bytes);
    assert_null(acpi_cpus_find(RSDP_AT, &cpus));
    assert_int_equal(cpus.com1.io_apic, 0xfec01000);
    assert_int_equal(cpus.com1.pin, 6);
    assert_true(cpus.com1.level && cpus.com1.active_low);
}

static void root_pointer_is_searched(void)
{
    make(2);
    assert_refused(0);
    rsdp_make(0xf1230, 2);
    assert_three(0);
    make(0);
    put(0x40e, 0x9fc0, 2);
    rsdp_make(0x9fc10, 0);
    assert_three(0);
    memory[0x9fc10 + 3] ^= 1;
    assert_refused(0);
    rsdp_make(0xffff0 - 16, 0); /* the last place where it fits */
    assert_three(0);
}

static void disabled_and_double_cpus_do_not_count(void)
{
    make(2);
    madt_begin();
    madt_add_cpu(7, 1);
    madt_add_cpu(8, 2); /* could be brought, is not there */
    madt_add_cpu(7, 1);
    madt_add_x2cpu(7, 1);
    madt_add_x2cpu(9, 1);
    madt_add_x2cpu(10, 0);
    madt_add_x2cpu(300, 1);
    madt_add_cpu(255, 1);
    table_seal(MADT_AT, "APIC", madt_bytes);
    assert_null(acpi_cpus_find(RSDP_AT, &cpus));
    assert_int_equal(cpus.count, 2);
    assert_int_equal(cpus.apic_ids[1], 9);
    assert_int_equal(cpus.unreachable, 2);
}

static void all_ids_fit(void)
{
    make(2);
    madt_begin();
    for (unsigned id = 0; id < 2 * 256; id++)
        madt_add_cpu((uint8_t)id, 1);
    table_seal(MADT_AT, "APIC", madt_bytes); /* over the other table, which nobody wants */
    assert_null(acpi_cpus_find(RSDP_AT, &cpus));
    assert_int_equal(cpus.count, ACPI_APIC_ID_MAX + 1);
}

static void checksums_count(void)
{
    static const uint32_t places[] = {RSDP_AT + 9, ROOT_AT + 12, MADT_AT + 12};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        make(2);
        memory[places[i]] ^= 1;
        assert_refused(RSDP_AT);
    }
    make(0); /* only the second half is wrong: the first still names an RSDT */
    memory[RSDP_AT + 15] = 2;
    seal(RSDP_AT, 20, RSDP_AT + 8);
    memory[RSDP_AT + 33] ^= 1;
    assert_three(RSDP_AT);
}

static void impossible_lengths_are_refused(void)
{
    static const uint32_t lengths[] = {0, 8, HEADER_BYTES, HEADER_BYTES + 7, MEMORY_BYTES, 0xffffffff};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        make(2);
        put(MADT_AT + 4, lengths[i], 4);
        assert_refused(RSDP_AT);
    }
    static const uint8_t entry_lengths[] = {0, 1, 255};
    for (size_t i = 0; i < sizeof(entry_lengths); i++) {
        make(2);
        memory[MADT_AT + HEADER_BYTES + 8 + 8 + 1] = entry_lengths[i];
        table_seal(MADT_AT, "APIC", madt_bytes);
        assert_refused(RSDP_AT);
    }
    make(2); /* an entry too short for what its type says is not one */
    memory[MADT_AT + HEADER_BYTES + 8 + 1] = 2;
    memory[MADT_AT + HEADER_BYTES + 8 + 2] = 1;
    memory[MADT_AT + HEADER_BYTES + 8 + 3] = 6;
    table_seal(MADT_AT, "APIC", madt_bytes);
    assert_null(acpi_cpus_find(RSDP_AT, &cpus));
    assert_int_equal(cpus.count, 2);
}

/* The checksums are made right again half of the time, so that the damage gets further. */
static void damage_is_survived(void)
{
    srand(1);
    for (int round = 0; round < DAMAGE_ROUNDS; round++) {
        static const uint32_t places[] = {RSDP_AT, ROOT_AT, MADT_AT, OTHER_AT};
        make(round % 2 == 0 ? 0 : 2);
        for (int damage = rand() % 3; damage >= 0; damage--)
            memory[places[rand() % 4] + (uint32_t)rand() % 80] = rand() % 2 == 0 ? (uint8_t)rand() : 0xff;
        if (rand() % 2 == 0) {
            uint32_t length;
            seal(RSDP_AT, 20, RSDP_AT + 8);
            memcpy(&length, memory + MADT_AT + 4, sizeof(length));
            if (length < MEMORY_BYTES - MADT_AT)
                seal(MADT_AT, length, MADT_AT + 9);
        }
        const char *wrong = acpi_cpus_find(round % 100 == 0 ? 0 : RSDP_AT, &cpus);
        assert_true(cpus.count <= ACPI_APIC_ID_MAX + 1 && (wrong == NULL || cpus.count == 0));
        views_free();
    }
}

static void teardown(void)
{
    views_free();
    free(memory);
    memory = NULL;
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(both_revisions_are_read),
        UNIT_TEST(com1_route_is_read),
        UNIT_TEST(root_pointer_is_searched),
        UNIT_TEST(disabled_and_double_cpus_do_not_count),
        UNIT_TEST(all_ids_fit),
        UNIT_TEST(checksums_count),
        UNIT_TEST(impossible_lengths_are_refused),
        UNIT_TEST(damage_is_survived),
    };
    return UNIT_MAIN(tests, NULL, teardown);
}
