/* See acpi.h. Layouts: ACPI specification 6.4, sections 5.2.5 to 5.2.12. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/boot.h"
#include <base/string.h>

enum {
    TABLE_MAX_BYTES = 1 << 20,
    EBDA_SEGMENT_AT = 0x40e, /* a word: its real-mode segment */
    EBDA_SEARCH_BYTES = 1024,
    BIOS_AREA = 0xe0000,
    BIOS_AREA_BYTES = 0x20000,
    RSDP_ALIGNMENT = 16,
    RSDP_BYTES_V1 = 20, /* what the first checksum covers */
};
enum { MADT_LOCAL_APIC = 0, MADT_IO_APIC = 1, MADT_ISA_OVERRIDE = 2, MADT_LOCAL_X2APIC = 9 };
enum { MADT_CPU_ENABLED = 1, ISA_LINE_COM1 = 4 };
enum { POLARITY_MASK = 3, POLARITY_LOW = 3, TRIGGER_MASK = 3 << 2, TRIGGER_LEVEL = 3 << 2 };

struct __attribute__((packed)) acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length; /* from here on with revision 2 */
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
};
struct __attribute__((packed)) acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
};
struct __attribute__((packed)) madt_header {
    struct acpi_header header;
    uint32_t apic_address, flags;
};
struct madt_entry {
    uint8_t type, length;
};
struct __attribute__((packed)) madt_local_apic {
    struct madt_entry entry;
    uint8_t uid, apic_id;
    uint32_t flags;
};
struct __attribute__((packed)) madt_local_x2apic {
    struct madt_entry entry;
    uint16_t reserved;
    uint32_t apic_id, flags, uid;
};
struct __attribute__((packed)) madt_io_apic {
    struct madt_entry entry;
    uint8_t id, reserved;
    uint32_t address, first_interrupt;
};
struct __attribute__((packed)) madt_isa_override {
    struct madt_entry entry;
    uint8_t bus, line;
    uint32_t interrupt;
    uint16_t flags;
};

/* A table in place, checked as a whole. */
struct table {
    const uint8_t *bytes;
    uint32_t size_bytes;
};

static bool sums_to_zero(const uint8_t *bytes, size_t size_bytes)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size_bytes; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* ---- The root pointer. */

static bool rsdp_read(uint64_t address, struct acpi_rsdp *out)
{
    const uint8_t *bytes = boot_physical(address, RSDP_BYTES_V1);
    memset(out, 0, sizeof(*out));
    if (bytes == NULL || memcmp(bytes, "RSD PTR ", sizeof(out->signature)) != 0 ||
        !sums_to_zero(bytes, RSDP_BYTES_V1))
        return false;
    memcpy(out, bytes, RSDP_BYTES_V1);
    if (out->revision < 2)
        return true;
    bytes = boot_physical(address, sizeof(*out));
    if (bytes != NULL && sums_to_zero(bytes, sizeof(*out)))
        memcpy(out, bytes, sizeof(*out));
    else
        out->revision = 0; /* the second half is not to be believed: the first says enough */
    return true;
}

static bool rsdp_search(uint64_t start, uint64_t size_bytes, struct acpi_rsdp *out)
{
    for (uint64_t offset = 0; offset + RSDP_BYTES_V1 <= size_bytes; offset += RSDP_ALIGNMENT)
        if (rsdp_read(start + offset, out))
            return true;
    return false;
}

static bool rsdp_find(uint64_t told, struct acpi_rsdp *out)
{
    if (told != 0)
        return rsdp_read(told, out);
    const uint8_t *word = boot_physical(EBDA_SEGMENT_AT, sizeof(uint16_t));
    uint16_t segment = 0;
    if (word != NULL)
        memcpy(&segment, word, sizeof(segment));
    return (segment != 0 && rsdp_search((uint64_t)segment << 4, EBDA_SEARCH_BYTES, out)) ||
           rsdp_search(BIOS_AREA, BIOS_AREA_BYTES, out);
}

/* ---- Tables. */

static bool table_read(uint64_t address, const char *signature, size_t least_bytes, struct table *out)
{
    const uint8_t *bytes = boot_physical(address, sizeof(struct acpi_header));
    struct acpi_header header;
    if (bytes == NULL)
        return false;
    memcpy(&header, bytes, sizeof(header));
    if (memcmp(header.signature, signature, sizeof(header.signature)) != 0 || header.length < least_bytes ||
        header.length > TABLE_MAX_BYTES)
        return false;
    bytes = boot_physical(address, header.length);
    if (bytes == NULL || !sums_to_zero(bytes, header.length))
        return false;
    *out = (struct table){bytes, header.length};
    return true;
}

/* The table of tables names the others by 8-byte (XSDT) or 4-byte (RSDT) addresses. */
static bool madt_find(struct table root, size_t address_bytes, struct table *out)
{
    for (size_t at = sizeof(struct acpi_header); at + address_bytes <= root.size_bytes; at += address_bytes) {
        uint64_t address = 0;
        memcpy(&address, root.bytes + at, address_bytes);
        if (table_read(address, "APIC", sizeof(struct madt_header), out))
            return true;
    }
    return false;
}

static void cpu_add(struct acpi_cpus *cpus, uint32_t apic_id, uint32_t flags)
{
    if ((flags & MADT_CPU_ENABLED) == 0)
        return;
    if (apic_id > ACPI_APIC_ID_MAX) {
        cpus->unreachable++;
        return;
    }
    for (uint32_t i = 0; i < cpus->count; i++)
        if (cpus->apic_ids[i] == apic_id)
            return;
    cpus->apic_ids[cpus->count++] = (uint8_t)apic_id; /* each once: there is room for all */
}

/* The I/O APIC that has the interrupt is the one that begins closest below it. */
static void io_apic_add(struct acpi_cpus *out, const struct madt_io_apic *io_apic, uint32_t interrupt)
{
    const uint32_t pin = interrupt - io_apic->first_interrupt;
    if (io_apic->first_interrupt > interrupt || (out->com1.io_apic != 0 && out->com1.pin <= pin))
        return;
    out->com1.io_apic = io_apic->address;
    out->com1.pin = pin;
}

/* The entries have been found to lie in the table: madt_read comes first. */
static void madt_read_com1(struct table madt, struct acpi_cpus *out)
{
    struct madt_entry entry;
    uint32_t interrupt = ISA_LINE_COM1;
    for (unsigned round = 0; round < 2; round++) /* overrides may stand behind the I/O APICs */
        for (size_t at = sizeof(struct madt_header); at + sizeof(entry) <= madt.size_bytes;
             at += entry.length) {
            struct madt_isa_override override;
            struct madt_io_apic io_apic;
            memcpy(&entry, madt.bytes + at, sizeof(entry));
            if (round == 0 && entry.type == MADT_ISA_OVERRIDE && entry.length >= sizeof(override)) {
                memcpy(&override, madt.bytes + at, sizeof(override));
                if (override.line != ISA_LINE_COM1)
                    continue;
                interrupt = override.interrupt;
                out->com1.active_low = (override.flags & POLARITY_MASK) == POLARITY_LOW;
                out->com1.level = (override.flags & TRIGGER_MASK) == TRIGGER_LEVEL;
            } else if (round == 1 && entry.type == MADT_IO_APIC && entry.length >= sizeof(io_apic)) {
                memcpy(&io_apic, madt.bytes + at, sizeof(io_apic));
                io_apic_add(out, &io_apic, interrupt);
            }
        }
}

static bool madt_read(struct table madt, struct acpi_cpus *out)
{
    struct madt_entry entry;
    for (size_t at = sizeof(struct madt_header); at + sizeof(entry) <= madt.size_bytes; at += entry.length) {
        memcpy(&entry, madt.bytes + at, sizeof(entry));
        if (entry.length < sizeof(entry) || entry.length > madt.size_bytes - at)
            return false;
        if (entry.type == MADT_LOCAL_APIC && entry.length >= sizeof(struct madt_local_apic)) {
            struct madt_local_apic cpu;
            memcpy(&cpu, madt.bytes + at, sizeof(cpu));
            cpu_add(out, cpu.apic_id, cpu.flags);
        }
        if (entry.type == MADT_LOCAL_X2APIC && entry.length >= sizeof(struct madt_local_x2apic)) {
            struct madt_local_x2apic cpu;
            memcpy(&cpu, madt.bytes + at, sizeof(cpu));
            cpu_add(out, cpu.apic_id, cpu.flags);
        }
    }
    return true;
}

const char *acpi_cpus_find(uint64_t rsdp, struct acpi_cpus *out)
{
    struct acpi_rsdp pointer;
    struct table root, madt;
    memset(out, 0, sizeof(*out));
    if (!rsdp_find(rsdp, &pointer))
        return "no ACPI root pointer, or a damaged one";
    bool found = pointer.revision >= 2 && pointer.xsdt != 0 &&
                 table_read(pointer.xsdt, "XSDT", sizeof(struct acpi_header), &root) &&
                 madt_find(root, sizeof(uint64_t), &madt);
    if (!found)
        found = table_read(pointer.rsdt, "RSDT", sizeof(struct acpi_header), &root) &&
                madt_find(root, sizeof(uint32_t), &madt);
    if (!found)
        return "no MADT in the ACPI tables, or a damaged one";
    if (!madt_read(madt, out)) {
        memset(out, 0, sizeof(*out));
        return "the MADT has an entry of impossible length";
    }
    madt_read_com1(madt, out);
    return NULL;
}
