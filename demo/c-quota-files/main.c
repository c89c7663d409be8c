/* A sub-tree with limits: they hold by every route, what was acknowledged stays, and room that is given back
 * can be used again. Outside of it there is as much as before. */
#include "files.h"

enum { LIMIT_BYTES = 65536, LIMIT_NODES = 8, BLOCK = 4096 };

static cap_directory root, plain, limited;
static const cap_directory here = {0};
static const struct cap_open_flags create = {.create = true};
static char block[BLOCK];

static cap_directory with_quota(cap_directory directory, uint64_t bytes, uint64_t nodes,
                                enum cap_fs_status *status)
{
    struct cap_directory_with_quota_results made = {0};
    *status = files_status(cap_directory_with_quota(directory, bytes, nodes, &made), made.status);
    return made.directory;
}

static enum cap_fs_status write_block(cap_file file, uint64_t offset)
{
    struct cap_file_write_results written = {0};
    int32_t result = cap_file_write(file, offset, capnp_data_of(block, BLOCK), &written);
    return files_status(result, written.status);
}

/* Writes blocks until it is refused; how many were acknowledged. */
static uint64_t fill(cap_file file, enum cap_fs_status *why)
{
    uint64_t blocks = 0;
    while ((*why = write_block(file, blocks * BLOCK)) == CAP_FS_STATUS_OK && blocks < 100000)
        blocks++;
    return blocks;
}

static bool holds_blocks(cap_file file, uint64_t blocks)
{
    for (uint64_t i = 0; i < blocks; i++) {
        struct cap_file_read_results read = {0};
        if (cap_file_read(file, i * BLOCK, BLOCK, &read, &files_answer) < 0 || read.data.len != BLOCK ||
            memcmp(read.data.bytes, block, BLOCK) != 0)
            return false;
    }
    return true;
}

static void check_bytes(void)
{
    struct cap_file_stat_results stat = {0};
    struct cap_file_truncate_results cut = {0};
    struct cap_directory_usage_results usage = {0};
    enum cap_fs_status why;
    cap_file file, other;
    files_expect(CAP_FS_STATUS_OK, files_open(limited, "big", create, &file), "a file");
    uint64_t blocks = fill(file, &why);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, why, "until its directory's quota is used up");
    demo_check(blocks >= 10 && blocks < 16, "of sixteen blocks nearly all were files'");
    (void)cap_file_stat(file, &stat, &files_answer);
    demo_check(stat.info.size == blocks * BLOCK && holds_blocks(file, blocks),
               "all that was acknowledged is there");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, write_block(file, UINT64_C(1) << 30), "nor far behind the end");
    (void)cap_file_stat(file, &stat, &files_answer);
    demo_check(stat.info.size == blocks * BLOCK, "where the file does not grow");
    files_expect(CAP_FS_STATUS_OK, write_block(file, 0), "what is there can be overwritten");
    struct cap_file_backing_results backing = {0};
    (void)cap_file_backing(file, true, &backing);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, backing.status, "memory to grow in is not given either");
    (void)cap_directory_usage(limited, &usage);
    demo_check(usage.limit_bytes == LIMIT_BYTES && usage.used_bytes <= LIMIT_BYTES &&
                   usage.used_bytes > LIMIT_BYTES - BLOCK - 512,
               "usage says so");
    files_expect(CAP_FS_STATUS_OK, files_open(plain, "beside", create, &other), "beside it");
    files_expect(CAP_FS_STATUS_OK, write_block(other, 0), "there is room");
    files_expect(CAP_FS_STATUS_CROSS_DEVICE, files_rename(limited, "big", root, "out", false),
                 "a file is not carried out of its limits");
    files_expect(CAP_FS_STATUS_CROSS_DEVICE, files_link(limited, "big", root, "out"), "nor named outside");
    files_expect(CAP_FS_STATUS_CROSS_DEVICE, files_rename(root, "d", limited, "in", false), "nor one in");
    files_expect(CAP_FS_STATUS_OK, files_rename(limited, "big", here, "large", false),
                 "within it it is renamed");
    (void)cap_file_truncate(file, BLOCK, &cut);
    files_expect(CAP_FS_STATUS_OK, cut.status, "cut short");
    files_expect(CAP_FS_STATUS_OK, write_block(file, BLOCK), "there is room again");
    demo_check(holds_blocks(file, 2), "and nothing is lost");
    /* A file made outside, written to from inside: the writer pays. */
    files_expect(CAP_FS_STATUS_OK, files_open(limited, "beside", (struct cap_open_flags){0}, &other),
                 "another's file");
    (void)fill(other, &why);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, why, "grows only within one's own limits");
    (void)cap_file_truncate(other, 0, &cut);
    (void)cap_file_truncate(file, 0, &cut); /* dropping it is heard of some time later */
    (void)files_remove(limited, "large");
    (void)cap_release(file);
    (void)cap_release(other);
}

static uint64_t used_bytes(void)
{
    struct cap_directory_usage_results usage = {0};
    return cap_directory_usage(limited, &usage) < 0 ? 0 : usage.used_bytes;
}

static enum cap_fs_status ask_backing(cap_file file, bool writable)
{
    struct cap_file_backing_results backing = {0};
    int32_t result = cap_file_backing(file, writable, &backing);
    if (result >= 0 && backing.status == CAP_FS_STATUS_OK) {
        (void)cap_release(backing.data);
        (void)cap_release(backing.header);
    }
    return files_status(result, backing.status);
}

/* A file's memory has no holes, and the file's quota pays for it: not because somebody looks. */
static void check_holes(void)
{
    enum { LAST = 8 }; /* the first block and this one are written, seven are not */
    struct cap_file_read_only_results reader = {0};
    struct cap_directory_read_only_results view = {0};
    struct cap_file_read_results read = {0};
    struct cap_file_truncate_results cut = {0};
    cap_file file, looker;
    (void)files_open(limited, "holes", create, &file);
    (void)write_block(file, 0);
    files_expect(CAP_FS_STATUS_OK, write_block(file, LAST * BLOCK), "a file with holes");
    (void)cap_file_read_only(file, &reader);
    (void)cap_directory_read_only(limited, &view);
    (void)files_open(view.directory, "holes", (struct cap_open_flags){0}, &looker);
    const uint64_t sparse = used_bytes();
    files_expect(CAP_FS_STATUS_READ_ONLY, ask_backing(reader.file, false),
                 "who may only read gets no memory of it");
    files_expect(CAP_FS_STATUS_READ_ONLY, ask_backing(looker, false),
                 "nor who has it from a read-only Directory");
    files_expect(CAP_FS_STATUS_READ_ONLY, ask_backing(looker, true), "and none to write to");
    demo_check(used_bytes() == sparse, "nobody has paid for it");
    (void)cap_file_read(looker, 4 * BLOCK, BLOCK, &read, &files_answer);
    demo_check(read.data.len == BLOCK && ((const char *)read.data.bytes)[BLOCK - 1] == 0,
               "by calls it is read");
    files_expect(CAP_FS_STATUS_OK, ask_backing(file, false), "who may write gets the memory");
    demo_check(used_bytes() == sparse + (LAST - 1 + 1) * BLOCK, "which takes the holes and a page");
    files_expect(CAP_FS_STATUS_OK, ask_backing(looker, false), "and then whoever may read");
    (void)cap_file_truncate(file, 0, &cut);
    (void)files_remove(limited, "holes");
    (void)cap_release(looker);
    (void)cap_release(reader.file);
    (void)cap_release(view.directory);
    (void)cap_release(file);
}

static void check_nodes(void)
{
    char name[8];
    enum cap_fs_status status = CAP_FS_STATUS_OK;
    int made = 0;
    for (; made < 50 && status == CAP_FS_STATUS_OK; made++) {
        (void)capos_snprintf(name, sizeof name, "n%d", made);
        status = files_mkdir(limited, name);
    }
    files_expect(CAP_FS_STATUS_OVER_QUOTA, status, "so many directories and no more");
    demo_check(made <= LIMIT_NODES + 1, "than were allowed");
    files_expect(CAP_FS_STATUS_OVER_QUOTA, files_symlink(limited, "l", "x"), "links count");
    files_expect(CAP_FS_STATUS_OK, files_remove(limited, "n0"), "one less");
    files_expect(CAP_FS_STATUS_OK, files_mkdir(limited, "again"), "one more");
}

static void check_nesting(void)
{
    enum cap_fs_status status, why;
    cap_file file;
    cap_directory narrow = with_quota(root, 20000, 10, &status);
    cap_directory wide = with_quota(narrow, UINT64_C(1) << 40, 0, &status);
    files_expect(CAP_FS_STATUS_OK, status, "a wide quota within a narrow one");
    (void)files_open(wide, "w", create, &file);
    uint64_t blocks = fill(file, &why);
    files_expect(CAP_FS_STATUS_OVER_QUOTA, why, "is as narrow");
    demo_check(blocks <= 4, "as that");
    struct cap_file_truncate_results cut = {0};
    (void)cap_file_truncate(file, 0, &cut);
    (void)files_remove(wide, "w");
    (void)cap_release(file);
    int depth = 0;
    for (; depth < 40 && status == CAP_FS_STATUS_OK; depth++) {
        cap_directory deeper = with_quota(wide, 1 << 20, 0, &status);
        (void)cap_release(wide);
        wide = deeper;
    }
    files_expect(CAP_FS_STATUS_OVER_QUOTA, status, "there is an end to nesting");
    demo_check(depth < 16, "at sixteen");
}

static void check_space(void)
{
    enum cap_fs_status why;
    cap_file file, small;
    (void)files_open(root, "all", create, &file);
    uint64_t blocks = fill(file, &why);
    files_expect(CAP_FS_STATUS_NO_SPACE, why, "the whole file system fills up");
    demo_check(holds_blocks(file, blocks), "and loses nothing");
    enum cap_fs_status status = files_open(root, "one more", create, &small);
    if (status == CAP_FS_STATUS_OK)
        status = write_block(small, 0);
    files_expect(CAP_FS_STATUS_NO_SPACE, status, "no room for more");
    struct cap_file_truncate_results cut = {0};
    (void)cap_file_truncate(file, 0, &cut);
    (void)files_remove(root, "all");
    (void)cap_release(file);
    files_expect(CAP_FS_STATUS_OK, files_open(root, "after", create, &small), "until something goes");
    files_expect(CAP_FS_STATUS_OK, write_block(small, 0), "and is written");
}

int main(void)
{
    enum cap_fs_status status;
    demo_begin("c-quota-files");
    root = capos_need_directory("root");
    memset(block, 'q', sizeof block);
    (void)files_mkdir(root, "d");
    (void)files_sub(root, "d", &plain);
    limited = with_quota(plain, LIMIT_BYTES, LIMIT_NODES, &status);
    files_expect(CAP_FS_STATUS_OK, status, "a directory with a quota");
    check_bytes();
    check_holes();
    check_nodes();
    check_nesting();
    check_space();
    return demo_end();
}
