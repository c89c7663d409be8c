#include "content.h"
#include "segment.h"
#include "alloc.h"
#include <string.h>

/* Blocks hold whole multiples of the smallest; only a file's first block is ever shorter than FS_BLOCK_BYTES,
 * so that many small files do not take a page each. */
enum { SMALLEST_BLOCK = 64 };

struct fs_block {
    struct rb_node node;
    uint64_t index;
    uint32_t capacity;
    uint8_t bytes[];
};

static struct fs_block *block_of(struct rb_node *node)
{
    return rb_entry(node, struct fs_block, node);
}

void fs_content_init(struct fs_content *content, struct fs_quota *quota)
{
    *content = (struct fs_content){.quota = quota};
}

static struct fs_block *find(const struct fs_content *content, uint64_t index)
{
    struct rb_node *at = content->blocks.node;
    while (at != NULL && block_of(at)->index != index)
        at = index < block_of(at)->index ? at->left : at->right;
    return at == NULL ? NULL : block_of(at);
}

/* The first block with an index >= `index`. */
static struct fs_block *find_from(const struct fs_content *content, uint64_t index)
{
    struct rb_node *at = content->blocks.node;
    struct fs_block *found = NULL;
    while (at != NULL) {
        if (block_of(at)->index >= index) {
            found = block_of(at);
            at = at->left;
        } else {
            at = at->right;
        }
    }
    return found;
}

static void insert(struct fs_content *content, struct fs_block *block)
{
    struct rb_node *parent = NULL, **link = &content->blocks.node;
    while (*link != NULL) {
        parent = *link;
        link = block->index < block_of(parent)->index ? &parent->left : &parent->right;
    }
    rb_insert(&content->blocks, &block->node, parent, link);
}

static void refund(struct fs_content *content, uint64_t bytes)
{
    fs_quota_refund(content->quota, bytes, 0);
    content->allocated_bytes -= bytes;
}

static enum cap_fs_status charge(struct fs_content *content, uint64_t bytes)
{
    enum cap_fs_status status = fs_quota_charge(content->quota, bytes, 0);
    if (status == CAP_FS_STATUS_OK)
        content->allocated_bytes += bytes;
    return status;
}

static void drop_block(struct fs_content *content, struct fs_block *block)
{
    rb_erase(&content->blocks, &block->node);
    refund(content, block->capacity);
    free(block);
}

static void drop_blocks_from(struct fs_content *content, uint64_t index)
{
    struct fs_block *block;
    while ((block = find_from(content, index)) != NULL)
        drop_block(content, block);
}

/* What a segment takes: its pages and that of its header. */
static uint64_t segment_cost(uint64_t capacity_bytes)
{
    return capacity_bytes + FS_BLOCK_BYTES;
}

static void drop_segment(struct fs_content *content)
{
    if (content->segment == NULL)
        return;
    refund(content, segment_cost(content->segment->capacity_bytes));
    fs_segment_retire(content->segment);
    content->segment = NULL;
}

void fs_content_fini(struct fs_content *content)
{
    drop_blocks_from(content, 0);
    drop_segment(content);
    content->size = 0;
}

/* ---- Reading. */

static size_t smaller(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static void read_block(const struct fs_content *content, uint64_t offset, uint8_t *out, size_t len)
{
    const struct fs_block *block = find(content, offset / FS_BLOCK_BYTES);
    size_t within = (size_t)(offset % FS_BLOCK_BYTES);
    size_t there = block == NULL || within >= block->capacity ? 0 : smaller(len, block->capacity - within);
    if (there > 0)
        memcpy(out, block->bytes + within, there);
    memset(out + there, 0, len - there);
}

size_t fs_content_read(const struct fs_content *content, uint64_t offset, void *out, size_t len)
{
    if (offset >= content->size)
        return 0;
    len = smaller(len, content->size - offset);
    if (content->segment != NULL) {
        memcpy(out, content->segment->bytes + offset, len);
        return len;
    }
    for (size_t done = 0; done < len;) {
        uint64_t at = offset + done;
        size_t chunk = smaller(len - done, FS_BLOCK_BYTES - at % FS_BLOCK_BYTES);
        read_block(content, at, (uint8_t *)out + done, chunk);
        done += chunk;
    }
    return len;
}

/* ---- Writing: first every block that is needed, then the bytes. */

/* The capacity of a block in which `end` bytes are used. */
static uint32_t capacity_for(uint64_t index, size_t end)
{
    uint32_t capacity = index == 0 ? SMALLEST_BLOCK : FS_BLOCK_BYTES;
    while (capacity < end)
        capacity *= 2;
    return capacity;
}

static enum cap_fs_status add_block(struct fs_content *content, uint64_t index, uint32_t capacity)
{
    enum cap_fs_status status = charge(content, capacity);
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_block *block = calloc(1, sizeof(*block) + capacity);
    if (block == NULL) {
        refund(content, capacity);
        return CAP_FS_STATUS_NO_SPACE;
    }
    block->index = index;
    block->capacity = capacity;
    insert(content, block);
    return CAP_FS_STATUS_OK;
}

/* The same content in a longer block. */
static enum cap_fs_status grow_block(struct fs_content *content, struct fs_block *block, uint32_t capacity)
{
    uint32_t more = capacity - block->capacity;
    enum cap_fs_status status = charge(content, more);
    if (status != CAP_FS_STATUS_OK)
        return status;
    rb_erase(&content->blocks, &block->node);
    struct fs_block *longer = realloc(block, sizeof(*block) + capacity);
    if (longer == NULL) {
        insert(content, block);
        refund(content, more);
        return CAP_FS_STATUS_NO_SPACE;
    }
    memset(longer->bytes + longer->capacity, 0, more);
    longer->capacity = capacity;
    insert(content, longer);
    return CAP_FS_STATUS_OK;
}

/* Sees to it that the first `end` bytes of a block can be written. */
static enum cap_fs_status prepare_block(struct fs_content *content, uint64_t index, size_t end)
{
    struct fs_block *block = find(content, index);
    uint32_t capacity = capacity_for(index, end);
    if (block == NULL)
        return add_block(content, index, capacity);
    return block->capacity >= end ? CAP_FS_STATUS_OK : grow_block(content, block, capacity);
}

static void write_blocks(struct fs_content *content, uint64_t offset, const uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        uint64_t at = offset + done;
        size_t within = (size_t)(at % FS_BLOCK_BYTES);
        size_t chunk = smaller(len - done, FS_BLOCK_BYTES - within);
        memcpy(find(content, at / FS_BLOCK_BYTES)->bytes + within, bytes + done, chunk);
        done += chunk;
    }
}

/* A block made for a write that is refused after all stays: it holds zeros, is charged, and goes with the
 * file, or when that is next truncated. */
static enum cap_fs_status prepare_blocks(struct fs_content *content, uint64_t offset, size_t len)
{
    for (size_t done = 0; done < len;) {
        uint64_t at = offset + done;
        size_t within = (size_t)(at % FS_BLOCK_BYTES);
        size_t chunk = smaller(len - done, FS_BLOCK_BYTES - within);
        enum cap_fs_status status = prepare_block(content, at / FS_BLOCK_BYTES, within + chunk);
        if (status != CAP_FS_STATUS_OK)
            return status;
        done += chunk;
    }
    return CAP_FS_STATUS_OK;
}

/* ---- Segments. */

static uint64_t round_to_page(uint64_t bytes)
{
    return (bytes + FS_BLOCK_BYTES - 1) / FS_BLOCK_BYTES * FS_BLOCK_BYTES;
}

/* Half as much again, so that appending does not move the file every time. */
static uint64_t segment_capacity(uint64_t size)
{
    uint64_t wanted = round_to_page(size + size / 2);
    uint64_t capacity = wanted < FS_BLOCK_BYTES ? FS_BLOCK_BYTES : wanted;
    return capacity < FS_SEGMENT_BYTES_MAX ? capacity : FS_SEGMENT_BYTES_MAX;
}

/* Moves the content to a new segment of that capacity, which holds it. */
static enum cap_fs_status move_to_segment(struct fs_content *content, uint64_t capacity)
{
    enum cap_fs_status status = charge(content, segment_cost(capacity));
    if (status != CAP_FS_STATUS_OK)
        return status;
    struct fs_segment *segment = fs_segment_create(capacity);
    if (segment == NULL) {
        refund(content, segment_cost(capacity));
        return CAP_FS_STATUS_NO_SPACE;
    }
    fs_content_read(content, 0, segment->bytes, (size_t)content->size);
    drop_segment(content);
    drop_blocks_from(content, 0);
    content->segment = segment;
    fs_segment_publish(segment, content->size);
    return CAP_FS_STATUS_OK;
}

enum cap_fs_status fs_content_make_segment(struct fs_content *content, enum fs_segment_use use)
{
    if (content->segment != NULL)
        return CAP_FS_STATUS_OK;
    if (content->size > FS_SEGMENT_BYTES_MAX)
        return CAP_FS_STATUS_TOO_LARGE;
    uint64_t pages = round_to_page(content->size == 0 ? 1 : content->size);
    if (use == FS_SEGMENT_LOOKS && segment_cost(pages) > content->allocated_bytes + FS_SEGMENT_EXTRA_BYTES)
        return CAP_FS_STATUS_READ_ONLY;
    return move_to_segment(content, use == FS_SEGMENT_GROWS ? segment_capacity(content->size) : pages);
}

/* Room for `size` bytes in the segment that there is. */
static enum cap_fs_status grow_segment(struct fs_content *content, uint64_t size)
{
    if (size <= content->segment->capacity_bytes)
        return CAP_FS_STATUS_OK;
    return size > FS_SEGMENT_BYTES_MAX ? CAP_FS_STATUS_TOO_LARGE
                                       : move_to_segment(content, segment_capacity(size));
}

static enum cap_fs_status reach(struct fs_content *content, uint64_t offset, size_t len)
{
    if (offset > FS_FILE_BYTES_MAX || len > FS_FILE_BYTES_MAX - offset)
        return CAP_FS_STATUS_TOO_LARGE;
    if (content->segment == NULL)
        return prepare_blocks(content, offset, len);
    return grow_segment(content, offset + len);
}

/* Who has mapped a segment may have written behind the file's end: when the end moves up, that becomes zeros.
 */
static void clear_gap(struct fs_content *content, uint64_t new_end)
{
    if (content->segment != NULL && new_end > content->size)
        memset(content->segment->bytes + content->size, 0, (size_t)(new_end - content->size));
}

enum cap_fs_status fs_content_write(struct fs_content *content, uint64_t offset, const void *bytes,
                                    size_t len)
{
    if (len == 0)
        return CAP_FS_STATUS_OK;
    enum cap_fs_status status = reach(content, offset, len);
    if (status != CAP_FS_STATUS_OK)
        return status;
    clear_gap(content, offset);
    if (content->segment != NULL)
        memcpy(content->segment->bytes + offset, bytes, len);
    else
        write_blocks(content, offset, bytes, len);
    if (offset + len > content->size)
        content->size = offset + len;
    if (content->segment != NULL)
        fs_segment_publish(content->segment, content->size);
    return CAP_FS_STATUS_OK;
}

/* Zeros from the new end on: what lies behind the end is never seen again. */
static void cut_blocks(struct fs_content *content, uint64_t size)
{
    struct fs_block *last = find(content, size / FS_BLOCK_BYTES);
    size_t within = (size_t)(size % FS_BLOCK_BYTES);
    drop_blocks_from(content, size / FS_BLOCK_BYTES + (within != 0));
    if (within != 0 && last != NULL && within < last->capacity)
        memset(last->bytes + within, 0, last->capacity - within);
}

static void cut_segment(struct fs_content *content, uint64_t size)
{
    if (size < content->size)
        memset(content->segment->bytes + size, 0, (size_t)(content->size - size));
    fs_segment_publish(content->segment, size);
}

enum cap_fs_status fs_content_truncate(struct fs_content *content, uint64_t size)
{
    if (size > FS_FILE_BYTES_MAX)
        return CAP_FS_STATUS_TOO_LARGE;
    if (content->segment != NULL) {
        enum cap_fs_status status = grow_segment(content, size);
        if (status != CAP_FS_STATUS_OK)
            return status;
    }
    clear_gap(content, size);
    if (content->segment != NULL)
        cut_segment(content, size);
    else
        cut_blocks(content, size);
    content->size = size;
    return CAP_FS_STATUS_OK;
}
