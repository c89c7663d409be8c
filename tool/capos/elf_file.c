/* See elf_file.h. Headers are copied out before use, since nothing in the file need be aligned. */
#include "elf_file.h"
#include <elf.h>
#include <stdint.h>
#include <string.h>

struct image {
    const uint8_t *bytes;
    size_t size;
    Elf64_Ehdr header;
};

static bool range_inside(size_t size, uint64_t offset, uint64_t len)
{
    return offset <= size && len <= size - offset;
}

/* Copies element `index` of a table whose elements are `stride` bytes apart. */
static bool table_get(const struct image *image, uint64_t table, uint64_t stride, uint64_t index, void *out,
                      size_t out_size)
{
    uint64_t distance, offset;
    if (stride < out_size || __builtin_mul_overflow(stride, index, &distance) ||
        __builtin_add_overflow(table, distance, &offset) || !range_inside(image->size, offset, out_size))
        return false;
    memcpy(out, image->bytes + offset, out_size);
    return true;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386:
        return "32-bit x86";
    case EM_ARM:
        return "32-bit ARM";
    case EM_AARCH64:
        return "AArch64";
    case EM_RISCV:
        return "RISC-V";
    case EM_PPC64:
        return "PowerPC";
    case EM_S390:
        return "S/390";
    case EM_MIPS:
        return "MIPS";
    default:
        return "another processor";
    }
}

static bool check_identity(const struct image *image, struct sentence *why)
{
    const uint8_t *ident = image->bytes;
    if (image->size >= 2 && memcmp(ident, "#!", 2) == 0)
        return sentence_say(
            why, "is a script, not an ELF program. Its interpreter would have to be a capOS program");
    if (image->size >= 4 && memcmp(ident, "\0asm", 4) == 0)
        return sentence_say(
            why, "is a WebAssembly module, not an ELF program. Compile it for capOS with capos cc");
    if (image->size < SELFMAG || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return sentence_say(why, "is not an ELF program. Give a .c file or what capos cc made of one");
    if (image->size < sizeof(Elf32_Ehdr))
        return sentence_say(why, "is cut off inside its ELF header. Build it again");
    return true;
}

/* e_machine lies at the same place in 32- and 64-bit files. */
static bool check_machine(const struct image *image, struct sentence *why)
{
    const uint8_t *ident = image->bytes;
    unsigned machine =
        (unsigned)(ident[EI_DATA] == ELFDATA2MSB ? ident[18] << 8 | ident[19] : ident[19] << 8 | ident[18]);
    if (ident[EI_DATA] != ELFDATA2LSB || machine != EM_X86_64)
        return sentence_say(
            why, "is a program for %s (ELF machine %u). capOS runs x86-64 programs; compile it with capos cc",
            machine_name(machine), machine);
    if (ident[EI_CLASS] != ELFCLASS64)
        return sentence_say(why,
                            "is not a 64-bit ELF file. capOS runs ELF64 programs; compile it with capos cc");
    if (image->size < sizeof(Elf64_Ehdr))
        return sentence_say(why, "is cut off inside its ELF header. Build it again");
    return true;
}

static bool check_type(const struct image *image, struct sentence *why)
{
    switch (image->header.e_type) {
    case ET_EXEC:
    case ET_DYN:
        return true;
    case ET_REL:
        return sentence_say(why, "is an object file that is not linked yet. Link it with capos cc");
    case ET_CORE:
        return sentence_say(why, "is a core dump, not a program");
    default:
        return sentence_say(why, "has the unknown ELF type %u", image->header.e_type);
    }
}

static bool check_segments(const struct image *image, struct sentence *why)
{
    const Elf64_Ehdr *header = &image->header;
    unsigned loads = 0;
    for (uint64_t i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        if (!table_get(image, header->e_phoff, header->e_phentsize, i, &segment, sizeof(segment)))
            return sentence_say(why, "is cut off: its program headers lie outside the file. Build it again");
        if (segment.p_type == PT_INTERP)
            return sentence_say(why,
                                "is linked dynamically, and capOS has no dynamic linker. Link it statically "
                                "with capos cc");
        if (segment.p_type != PT_LOAD)
            continue;
        loads++;
        if (!range_inside(image->size, segment.p_offset, segment.p_filesz))
            return sentence_say(why, "is cut off: segment %u lies outside the file. Build it again",
                                (unsigned)i);
    }
    if (loads == 0)
        return sentence_say(why, "holds nothing to load: it is an ELF file without program segments");
    return true;
}

static void image_open(struct image *image, const void *bytes, size_t size)
{
    *image = (struct image){.bytes = bytes, .size = size};
    if (size >= sizeof(image->header))
        memcpy(&image->header, bytes, sizeof(image->header));
}

bool elf_check_program(const void *bytes, size_t size, struct sentence *why)
{
    struct image image;
    image_open(&image, bytes, size);
    if (size == 0)
        return sentence_say(why, "is empty");
    return check_identity(&image, why) && check_machine(&image, why) && check_type(&image, why) &&
           check_segments(&image, why);
}
