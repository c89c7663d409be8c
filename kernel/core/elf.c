#include "core/elf.h"
#include "core/elf_format.h"
#include "mm/aspace.h"
#include "object/memory_object.h"

enum { ELF_PROGRAM_HEADERS_MAX = 64 };

status_t image_read(const struct image *image, uint64_t offset, void *out, size_t size_bytes)
{
    if (image->memory == NULL || offset > image->size_bytes || size_bytes > image->size_bytes - offset)
        return CAPOS_ERR_BAD_ADDRESS;
    return memory_object_read(image->memory, image->offset + offset, out, size_bytes);
}

static const char *header_fault(const struct elf_header *header)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};
    for (size_t i = 0; i < sizeof(magic); i++) {
        if (header->ident[i] != magic[i])
            return "not an ELF file";
    }
    if (header->ident[4] != ELF_CLASS64 || header->ident[5] != ELF_DATA_LSB)
        return "not a 64-bit little-endian ELF file";
    if (header->ident[6] != ELF_VERSION_CURRENT || header->version != ELF_VERSION_CURRENT)
        return "unknown ELF version";
    if (header->machine != ELF_MACHINE_X86_64)
        return "not for x86-64";
    if (header->type != ELF_TYPE_EXEC && header->type != ELF_TYPE_DYN)
        return "not an executable";
    if (header->phentsize != sizeof(struct elf_program_header))
        return "program headers have an unexpected size";
    if (header->phnum == 0 || header->phnum > ELF_PROGRAM_HEADERS_MAX)
        return "no program headers, or more than 64";
    return NULL;
}

static const char *segment_fault(const struct elf *elf, const struct image *image,
                                 const struct elf_program_header *ph)
{
    if (ph->filesz > ph->memsz)
        return "a segment is larger in the file than in memory";
    if (ph->offset > image->size_bytes || ph->filesz > image->size_bytes - ph->offset)
        return "a segment lies outside the file";
    if (ph->vaddr >= CAPOS_USER_MAX || ph->memsz > CAPOS_USER_MAX - ph->vaddr)
        return "a segment lies outside user space";
    if (!elf->position_independent && ph->vaddr < CAPOS_USER_MIN)
        return "a segment lies in the first 64 KiB";
    if ((ph->flags & ELF_PF_W) != 0 && (ph->flags & ELF_PF_X) != 0)
        return "a segment is writable and executable";
    if ((ph->align & (ph->align - 1)) != 0 || ph->align > CAPOS_LARGE_PAGE_SIZE)
        return "a segment's alignment is not a power of two up to 2 MiB";
    if (elf->segment_count == ELF_SEGMENTS_MAX)
        return "more than 16 segments";
    if (elf->segment_count > 0 && align_down(ph->vaddr, PAGE_SIZE) < elf->high)
        return "segments overlap, share a page, or are not in ascending order";
    return NULL;
}

static uint32_t segment_prot(uint32_t flags)
{
    return ((flags & ELF_PF_R) != 0 ? (uint32_t)PROT_READ : 0) |
           ((flags & ELF_PF_W) != 0 ? (uint32_t)PROT_WRITE : 0) |
           ((flags & ELF_PF_X) != 0 ? (uint32_t)PROT_EXEC : 0);
}

static const char *add_segment(struct elf *elf, const struct image *image,
                               const struct elf_program_header *ph)
{
    if (ph->memsz == 0)
        return NULL;
    const char *fault = segment_fault(elf, image, ph);
    if (fault != NULL)
        return fault;
    if (elf->segment_count == 0)
        elf->low = align_down(ph->vaddr, PAGE_SIZE);
    elf->high = align_up(ph->vaddr + ph->memsz, PAGE_SIZE);
    if (ph->align > elf->align)
        elf->align = ph->align;
    elf->segments[elf->segment_count++] = (struct elf_segment){
        .address = ph->vaddr,
        .memory_bytes = ph->memsz,
        .file_offset = ph->offset,
        .file_bytes = ph->filesz,
        .prot = segment_prot(ph->flags),
    };
    return NULL;
}

static const char *add_tls(struct elf *elf, const struct elf_program_header *ph)
{
    uint64_t align = ph->align == 0 ? 1 : ph->align;
    if (elf->tls_memory_bytes != 0)
        return "two thread-local segments";
    if ((align & (align - 1)) != 0 || align > PAGE_SIZE)
        return "the thread-local segment's alignment is not a power of two up to a page";
    if (ph->filesz > ph->memsz || ph->memsz > CAPOS_LARGE_PAGE_SIZE)
        return "the thread-local segment is malformed or larger than 2 MiB";
    elf->tls_address = ph->vaddr;
    elf->tls_file_bytes = ph->filesz;
    elf->tls_memory_bytes = ph->memsz;
    elf->tls_align = align;
    return NULL;
}

/* The initial TLS bytes are read from the loaded image, so they must lie in one segment's file part. */
static bool tls_is_loaded(const struct elf *elf)
{
    if (elf->tls_file_bytes == 0)
        return true;
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segments[i];
        if (elf->tls_address >= segment->address &&
            elf->tls_address - segment->address <= segment->file_bytes &&
            elf->tls_file_bytes <= segment->file_bytes - (elf->tls_address - segment->address))
            return true;
    }
    return false;
}

static bool entry_is_executable(const struct elf *elf)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segments[i];
        if ((segment->prot & PROT_EXEC) != 0 && elf->entry >= segment->address &&
            elf->entry - segment->address < segment->memory_bytes)
            return true;
    }
    return false;
}

static const char *parse_program_header(struct elf *elf, const struct image *image,
                                        const struct elf_program_header *ph)
{
    switch (ph->type) {
    case ELF_PT_LOAD:
        return add_segment(elf, image, ph);
    case ELF_PT_TLS:
        return add_tls(elf, ph);
    case ELF_PT_INTERP:
        return "it wants a dynamic loader; link it with -static or -static-pie";
    default:
        return NULL;
    }
}

static const char *parse(const struct image *image, struct elf *elf)
{
    struct elf_header header;
    if (image_read(image, 0, &header, sizeof(header)) < 0)
        return "shorter than an ELF header";
    const char *fault = header_fault(&header);
    if (fault != NULL)
        return fault;
    *elf = (struct elf){
        .position_independent = header.type == ELF_TYPE_DYN, .entry = header.entry, .align = PAGE_SIZE};
    for (uint64_t i = 0; i < header.phnum; i++) {
        struct elf_program_header ph;
        if (header.phoff > image->size_bytes ||
            image_read(image, header.phoff + i * sizeof(ph), &ph, sizeof(ph)) < 0)
            return "the program headers lie outside the file";
        fault = parse_program_header(elf, image, &ph);
        if (fault != NULL)
            return fault;
    }
    if (elf->segment_count == 0)
        return "nothing to load";
    if (!entry_is_executable(elf))
        return "the entry point is not in an executable segment";
    return tls_is_loaded(elf) ? NULL : "the thread-local segment is not part of a loaded segment";
}

status_t elf_parse(const struct image *image, struct elf *out, const char **why)
{
    struct elf elf;
    const char *fault = parse(image, &elf);
    if (fault != NULL) {
        *why = fault;
        return CAPOS_ERR_BAD_MESSAGE;
    }
    *out = elf;
    return CAPOS_OK;
}
