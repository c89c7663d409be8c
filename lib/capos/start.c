/*
 * From the entry point to main: relocation, thread-local storage, the ring, argv and envp, constructors; and
 * from main's return to the end of the process.
 *
 * Until relocate() is done nothing here may use an address that the linker had to leave to the loader.
 */
#include "internal.h"
#include <base/string.h>

struct elf_dynamic {
    int64_t tag;
    uint64_t value;
};

struct elf_rela {
    uint64_t offset;
    uint64_t info;
    int64_t addend;
};

enum { DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, DT_RELAENT = 9, R_X86_64_NONE = 0, R_X86_64_RELATIVE = 8 };

int main(int argc, char **argv, char **envp);

/* Made by the linker. */
typedef void (*hook)(void);
extern HIDDEN char _end[];
extern HIDDEN hook __preinit_array_start[], __preinit_array_end[];
extern HIDDEN hook __init_array_start[], __init_array_end[];
extern HIDDEN hook __fini_array_start[], __fini_array_end[];

/* A static-PIE program's own relocations. Whatever else than RELATIVE is in there, or points outside the
 * image, means that the program was linked for something else: no message is possible yet. */
static void relocate(uint64_t base, const struct elf_dynamic *dynamic)
{
    uint64_t table = 0, size_bytes = 0, entry_bytes = sizeof(struct elf_rela);
    uint64_t image_bytes = (uint64_t)(uintptr_t)_end - base;
    for (; dynamic->tag != DT_NULL; dynamic++) {
        if (dynamic->tag == DT_RELA)
            table = dynamic->value;
        else if (dynamic->tag == DT_RELASZ)
            size_bytes = dynamic->value;
        else if (dynamic->tag == DT_RELAENT)
            entry_bytes = dynamic->value;
    }
    if (entry_bytes != sizeof(struct elf_rela) || size_bytes > image_bytes ||
        table > image_bytes - size_bytes)
        __builtin_trap();
    const struct elf_rela *rela = (const void *)(uintptr_t)(base + table);
    for (uint64_t i = 0; i < size_bytes / sizeof *rela; i++) {
        uint32_t type = (uint32_t)rela[i].info;
        if (type == R_X86_64_NONE)
            continue;
        if (type != R_X86_64_RELATIVE || rela[i].offset > image_bytes - sizeof(uint64_t))
            __builtin_trap();
        *(uint64_t *)(uintptr_t)(base + rela[i].offset) = base + (uint64_t)rela[i].addend;
    }
}

/* The kernel copied the TLS image before it was relocated; pointers in it are right only now. */
static void refresh_tls(const struct capos_capset_header *capset)
{
    uint64_t thread_pointer;
    if (capset->tls_file_bytes == 0)
        return;
    __asm__("movq %%fs:0, %0" : "=r"(thread_pointer));
    uint64_t mask = capset->tls_align > 1 ? capset->tls_align - 1 : 0;
    uint64_t gap = (0 - capset->tls_image - capset->tls_size_bytes) & mask;
    char *block = (char *)(uintptr_t)(thread_pointer - capset->tls_size_bytes - gap);
    memcpy(block, (const void *)(uintptr_t)capset->tls_image, capset->tls_file_bytes);
}

/* The texts of argv or envp, copied to `text` because main may write to them; returns where the copies end.
 */
static char *copy_strings(const struct capos_capset_header *capset, uint32_t offset, uint32_t count,
                          char **pointers, char *text)
{
    const struct capos_string *strings = (const void *)((const char *)capset + offset);
    for (uint32_t i = 0; i < count; i++) {
        pointers[i] = text;
        memcpy(text, (const char *)capset + strings[i].offset, strings[i].len);
        text += strings[i].len;
        *text++ = '\0';
    }
    pointers[count] = NULL;
    return text;
}

static size_t strings_bytes(const struct capos_capset_header *capset, uint32_t offset, uint32_t count)
{
    const struct capos_string *strings = (const void *)((const char *)capset + offset);
    size_t bytes = sizeof(char *);
    for (uint32_t i = 0; i < count; i++)
        bytes += sizeof(char *) + strings[i].len + 1;
    return bytes;
}

static void run_hooks(hook *from, hook *to)
{
    for (; from < to; from++)
        (*from)();
}

/* Runs main with its arguments on the stack above it. */
static _Noreturn void run_main(const struct capos_capset_header *capset)
{
    size_t bytes = strings_bytes(capset, capset->argv_offset, capset->argc) +
                   strings_bytes(capset, capset->envp_offset, capset->envc);
    if (bytes > (capset->stack_high - capset->stack_low) / 2)
        capos_abort("the arguments and the environment do not fit half of the stack");
    char **argv = __builtin_alloca(bytes);
    char **envp = argv + capset->argc + 1;
    char *text = (char *)(envp + capset->envc + 1);
    text = copy_strings(capset, capset->argv_offset, capset->argc, argv, text);
    copy_strings(capset, capset->envp_offset, capset->envc, envp, text);
    run_hooks(__preinit_array_start, __preinit_array_end);
    run_hooks(__init_array_start, __init_array_end);
    int code = main((int)capset->argc, argv, envp);
    for (hook *fini = __fini_array_end; fini > __fini_array_start;)
        (*--fini)();
    capos_sys_exit(code);
}

_Noreturn void capos_start(struct capos_ring_header *ring, uint64_t process_id,
                           const struct capos_capset_header *capset, const struct elf_dynamic *dynamic)
{
    if (dynamic != NULL) {
        relocate(capset->image_base, dynamic);
        refresh_tls(capset);
    }
    if (capset->magic != CAPOS_CAPSET_MAGIC || capset->version != CAPOS_CAPSET_VERSION)
        __builtin_trap();
    capset_attach(capset, process_id);
    if (!ring_attach(ring))
        __builtin_trap();
    run_main(capset);
}
