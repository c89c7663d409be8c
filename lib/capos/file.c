/*
 * See <capos/file.h>. When a file's memory is worth its mapping (five calls and a page of header): after some
 * reads, or at once for a large one. The header says whether the memory still is the file's: looked at before
 * and after each copy, so that a file that moved meanwhile is read where it is now.
 */
#include <base/string.h>
#include <capos/file.h>
#include <capos/file_header.h>
#include <capos/memory.h>

enum {
    CALL_BYTES_MAX = 4096, /* what File.read, write and append take */
    CALLS_BEFORE_MAPPING = 4,
    LARGE_READ_BYTES = 16384,
    ANSWER_WORDS = (CALL_BYTES_MAX + 512) / 8,
    PROT_READ = 1,
    PAGE_BYTES = 4096,
};

static int32_t status_result(int32_t result, enum cap_fs_status status)
{
    if (result < 0)
        return result;
    return status == CAP_FS_STATUS_OK ? CAPOS_OK : CAPOS_FS_ERROR(status);
}

void capos_file_init(struct capos_file *file, cap_file capability)
{
    *file = (struct capos_file){.file = capability};
}

int32_t capos_file_open(cap_directory root, const char *path, const struct cap_open_flags *flags,
                        struct capos_file *out)
{
    cap_file opened;
    int32_t result = capos_path_open(root, path, flags, &opened);
    if (result >= 0)
        capos_file_init(out, opened);
    return result;
}

/* ---- The memory. */

static void unmap(struct capos_file *file)
{
    if (file->header == NULL)
        return;
    (void)cap_memory_object_unmap(file->data_object, (uintptr_t)file->bytes, file->mapped_bytes);
    (void)cap_memory_object_unmap(file->header_object, (uintptr_t)file->header, PAGE_BYTES);
    (void)cap_release(file->data_object);
    (void)cap_release(file->header_object);
    file->header = NULL;
}

void capos_file_close(struct capos_file *file)
{
    unmap(file);
    cap_release_id_soon(file->file.id);
}

/* Both or neither. */
static bool map_objects(struct capos_file *file, const struct cap_file_backing_results *backing)
{
    struct cap_memory_object_info_results info = {0};
    struct cap_memory_object_map_results data = {0}, header = {0};
    if (cap_memory_object_info(backing->data, &info) < 0 ||
        cap_memory_object_map(backing->data, 0, 0, info.page_count * PAGE_BYTES, PROT_READ, &data) < 0)
        return false;
    if (cap_memory_object_map(backing->header, 0, 0, PAGE_BYTES, PROT_READ, &header) < 0) {
        (void)cap_memory_object_unmap(backing->data, data.address, info.page_count * PAGE_BYTES);
        return false;
    }
    file->bytes = (const void *)(uintptr_t)data.address;
    file->mapped_bytes = info.page_count * PAGE_BYTES;
    file->header = (const void *)(uintptr_t)header.address;
    file->data_object = backing->data;
    file->header_object = backing->header;
    return true;
}

/* Not an error when it cannot be done: there are calls. */
static void map(struct capos_file *file)
{
    struct cap_file_backing_results backing = {0};
    unmap(file);
    file->is_unmappable = true;
    if (cap_file_backing(file->file, false, &backing) < 0 || backing.status != CAP_FS_STATUS_OK)
        return;
    file->is_unmappable = !map_objects(file, &backing);
    if (file->is_unmappable) {
        (void)cap_release(backing.data);
        (void)cap_release(backing.header);
    } else if (file->header->magic != CAPOS_FILE_MAGIC) {
        unmap(file);
        file->is_unmappable = true;
    }
}

static bool is_valid(const struct capos_file *file)
{
    return __atomic_load_n(&file->header->valid, __ATOMIC_ACQUIRE) == 1;
}

/* What there is from `offset` on; negative: the memory is not the file's any more. */
static int64_t read_memory(const struct capos_file *file, uint64_t offset, void *to, size_t size)
{
    if (!is_valid(file))
        return -1;
    uint64_t end = __atomic_load_n(&file->header->size_bytes, __ATOMIC_ACQUIRE);
    end = end < file->mapped_bytes ? end : file->mapped_bytes; /* the server may say what it likes */
    uint64_t there = offset < end ? end - offset : 0;
    size = size < there ? size : (size_t)there;
    if (size != 0)
        memcpy(to, file->bytes + offset, size);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return is_valid(file) ? (int64_t)size : -1;
}

/* ---- Reading. */

static int64_t read_call(struct capos_file *file, uint64_t offset, void *to, size_t size)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_file_read_results read = {0};
    uint32_t wanted = size < CALL_BYTES_MAX ? (uint32_t)size : CALL_BYTES_MAX;
    int32_t result = cap_file_read(file->file, offset, wanted, &read, &buffer);
    result = status_result(result, read.status);
    if (result < 0)
        return result;
    size_t got = read.data.len < wanted ? read.data.len : wanted;
    memcpy(to, read.data.bytes, got);
    return (int64_t)got;
}

static int64_t read_calls(struct capos_file *file, uint64_t offset, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        int64_t got = read_call(file, offset + done, (char *)to + done, size - done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    file->calls++;
    return (int64_t)done;
}

static bool is_worth_mapping(const struct capos_file *file, size_t size)
{
    return !file->is_unmappable && (file->calls >= CALLS_BEFORE_MAPPING || size >= LARGE_READ_BYTES);
}

int64_t capos_file_read(struct capos_file *file, uint64_t offset, void *to, size_t size)
{
    if (__builtin_expect(file->header != NULL, 1)) {
        int64_t got = read_memory(file, offset, to, size);
        if (__builtin_expect(got >= 0, 1))
            return got;
        map(file); /* it has moved */
    } else if (is_worth_mapping(file, size)) {
        map(file);
    }
    int64_t got = file->header == NULL ? -1 : read_memory(file, offset, to, size);
    return got >= 0 ? got : read_calls(file, offset, to, size);
}

/* ---- Writing. */

int32_t capos_file_write(struct capos_file *file, uint64_t offset, const void *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        struct cap_file_write_results written = {0};
        size_t piece = size - done < CALL_BYTES_MAX ? size - done : CALL_BYTES_MAX;
        int32_t result = cap_file_write(file->file, offset + done,
                                        capnp_data_of((const char *)from + done, piece), &written);
        result = status_result(result, written.status);
        if (result < 0)
            return result;
        done += piece;
    }
    return CAPOS_OK;
}

int64_t capos_file_append(struct capos_file *file, const void *from, size_t size)
{
    struct cap_file_append_results appended = {0};
    if (size > CALL_BYTES_MAX)
        return CAPOS_FS_ERROR(CAP_FS_STATUS_TOO_LARGE);
    int32_t result = cap_file_append(file->file, capnp_data_of(from, size), &appended);
    result = status_result(result, appended.status);
    return result < 0 ? result : (int64_t)appended.offset;
}

int32_t capos_file_stat(struct capos_file *file, struct cap_node_info *out)
{
    uint64_t words[ANSWER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_file_stat_results stat = {0};
    int32_t result = status_result(cap_file_stat(file->file, &stat, &buffer), stat.status);
    if (result >= 0)
        *out = stat.info;
    return result;
}

int32_t capos_file_truncate(struct capos_file *file, uint64_t size)
{
    struct cap_file_truncate_results cut = {0};
    return status_result(cap_file_truncate(file->file, size, &cut), cut.status);
}
