/*
 * Opening messages and following pointers. The only file that trusts nothing: every address handed out by a
 * view was bounded here. List elements are fetched in list.c.
 */
#include "capnp.h"
#include "call.h"
#include "internal.h"

struct segment {
    const uint8_t *bytes;
    uint32_t words;
};

/* Where a pointer leads, far pointers resolved: `tag` describes the object that starts at word `start`. */
struct target {
    struct segment in;
    uint32_t segment;
    uint64_t tag;
    int64_t start;
};

static const struct capnp_struct empty_struct;

static size_t table_words(uint32_t segment_count)
{
    return segment_count / 2u + 1u;
}

static uint32_t table_size_of(const uint8_t *table, uint32_t segment)
{
    return capnp_load_u32(table + 4u + 4u * (size_t)segment);
}

static uint64_t traversal_limit(size_t message_words)
{
    return (uint64_t)message_words * CAPNP_TRAVERSAL_FACTOR + CAPNP_TRAVERSAL_MIN_WORDS;
}

static int32_t charge(struct capnp_message *message, uint64_t words)
{
    if (words > message->words_left)
        return CAPOS_ERR_BAD_MESSAGE;
    message->words_left -= words;
    return CAPOS_OK;
}

/* Checks the segment table against `len` (at least one word). */
static int32_t check_table(const uint8_t *bytes, size_t len, uint32_t *count_out)
{
    uint32_t last = capnp_load_u32(bytes);
    if (last >= CAPNP_SEGMENTS_MAX)
        return CAPOS_ERR_BAD_MESSAGE;
    uint32_t count = last + 1;
    uint64_t words = table_words(count);
    if (words > len / CAPNP_WORD_BYTES)
        return CAPOS_ERR_BAD_MESSAGE;
    for (uint32_t i = 0; i < count; i++)
        words += table_size_of(bytes, i);
    if (words > len / CAPNP_WORD_BYTES)
        return CAPOS_ERR_BAD_MESSAGE;
    *count_out = count;
    return CAPOS_OK;
}

/* Finds a segment by walking the table, which costs traversal words so that many far pointers stay
 * affordable. */
static int32_t find_segment(struct capnp_message *message, uint32_t segment, struct segment *out)
{
    if (segment == 0) {
        out->bytes = message->segment0;
        out->words = message->segment0_words;
        return CAPOS_OK;
    }
    if (segment >= message->segment_count || charge(message, 1u + segment / 8u) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    size_t words = message->segment0_words;
    for (uint32_t i = 1; i < segment; i++)
        words += table_size_of(message->bytes, i);
    out->bytes = message->segment0 + words * CAPNP_WORD_BYTES;
    out->words = table_size_of(message->bytes, segment);
    return CAPOS_OK;
}

static int64_t near_offset(uint64_t pointer)
{
    return (int32_t)(uint32_t)pointer >> 2;
}

/* A far pointer leads to a landing pad: an ordinary pointer, or (double) a far pointer to the object's first
 * word followed by a tag that describes the object. Nothing else is allowed there, so there are no chains to
 * follow. */
static int32_t follow_far(struct capnp_message *message, uint64_t pointer, struct target *out)
{
    bool is_double = (pointer & 4u) != 0;
    uint32_t pad = (uint32_t)pointer >> 3;
    uint32_t pad_words = is_double ? 2 : 1;
    struct segment in;
    if (find_segment(message, (uint32_t)(pointer >> 32), &in) < 0 || charge(message, pad_words) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if ((uint64_t)pad + pad_words > in.words)
        return CAPOS_ERR_BAD_MESSAGE;
    uint64_t word = capnp_load_word(in.bytes + (size_t)pad * CAPNP_WORD_BYTES);
    if (!is_double) {
        if (capnp_pointer_kind(word) == CAPNP_POINTER_FAR)
            return CAPOS_ERR_BAD_MESSAGE;
        out->in = in;
        out->segment = (uint32_t)(pointer >> 32);
        out->tag = word;
        out->start = (int64_t)pad + 1 + near_offset(word);
        return CAPOS_OK;
    }
    if ((word & 7u) != CAPNP_POINTER_FAR)
        return CAPOS_ERR_BAD_MESSAGE;
    out->segment = (uint32_t)(word >> 32);
    if (find_segment(message, out->segment, &out->in) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    out->tag = capnp_load_word(in.bytes + ((size_t)pad + 1) * CAPNP_WORD_BYTES);
    out->start = (uint32_t)word >> 3;
    if (capnp_pointer_kind(out->tag) > CAPNP_POINTER_LIST || near_offset(out->tag) != 0)
        return CAPOS_ERR_BAD_MESSAGE;
    return CAPOS_OK;
}

static int32_t follow(struct capnp_message *message, uint32_t segment, const uint8_t *at, struct target *out)
{
    uint64_t pointer = capnp_load_word(at);
    if (capnp_pointer_kind(pointer) == CAPNP_POINTER_FAR)
        return follow_far(message, pointer, out);
    if (find_segment(message, segment, &out->in) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    out->segment = segment;
    out->tag = pointer;
    out->start = (at - out->in.bytes) / (int64_t)CAPNP_WORD_BYTES + 1 + near_offset(pointer);
    return CAPOS_OK;
}

/* The `words` words of a target's object, or null if they do not all lie in its segment. */
static const uint8_t *object_at(const struct target *target, uint64_t words)
{
    if (target->start < 0 || target->start > (int64_t)target->in.words)
        return NULL;
    if (words > (uint64_t)((int64_t)target->in.words - target->start))
        return NULL;
    return target->in.bytes + (size_t)target->start * CAPNP_WORD_BYTES;
}

static int32_t read_struct_at(struct capnp_message *message, uint32_t segment, const uint8_t *at,
                              uint16_t depth, struct capnp_struct *out)
{
    struct target target;
    if (depth > CAPNP_DEPTH_MAX || follow(message, segment, at, &target) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if (capnp_pointer_kind(target.tag) != CAPNP_POINTER_STRUCT)
        return CAPOS_ERR_BAD_MESSAGE;
    uint16_t data_words = (uint16_t)(target.tag >> 32);
    uint16_t pointer_count = (uint16_t)(target.tag >> 48);
    uint32_t words = (uint32_t)data_words + pointer_count;
    const uint8_t *object = object_at(&target, words);
    if (object == NULL || charge(message, words == 0 ? 1 : words) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    out->message = message;
    out->data = object;
    out->data_bytes = data_words * CAPNP_WORD_BYTES;
    out->pointers = object + out->data_bytes;
    out->segment = target.segment;
    out->pointer_count = pointer_count;
    out->depth = depth;
    return CAPOS_OK;
}

/* The common case, and the kernel's hot path: one segment whose first word is a near pointer to a struct.
 * True if it was that; otherwise nothing was decided and the general path looks again. */
static inline bool open_simple(struct capnp_message *message, const uint8_t *bytes, size_t words,
                               struct capnp_struct *root)
{
    uint64_t table = capnp_load_word(bytes);
    uint64_t segment_words = table >> 32;
    if ((uint32_t)table != 0 || segment_words == 0 || segment_words >= words)
        return false;
    uint64_t pointer = capnp_load_word(bytes + CAPNP_WORD_BYTES);
    uint64_t start = 1 + ((uint64_t)(uint32_t)pointer >> 2); /* a negative offset becomes too large */
    uint32_t data_words = (uint16_t)(pointer >> 32);
    uint32_t pointer_count = (uint32_t)(pointer >> 48);
    if (capnp_pointer_kind(pointer) != CAPNP_POINTER_STRUCT || pointer == 0 ||
        start + data_words + pointer_count > segment_words)
        return false;
    message->bytes = bytes;
    message->segment0 = bytes + CAPNP_WORD_BYTES;
    message->segment0_words = (uint32_t)segment_words;
    message->segment_count = 1;
    message->words_left = traversal_limit(words) - (1u + data_words + pointer_count);
    root->message = message;
    root->data = message->segment0 + start * CAPNP_WORD_BYTES;
    root->data_bytes = data_words * CAPNP_WORD_BYTES;
    root->pointers = root->data + root->data_bytes;
    root->segment = 0;
    root->pointer_count = (uint16_t)pointer_count;
    root->depth = 1;
    return true;
}

static __attribute__((noinline)) int32_t open_general(struct capnp_message *message, const uint8_t *bytes,
                                                      size_t len, struct capnp_struct *root)
{
    if (len < CAPNP_WORD_BYTES || check_table(bytes, len, &message->segment_count) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    message->bytes = bytes;
    message->segment0 = bytes + table_words(message->segment_count) * CAPNP_WORD_BYTES;
    message->segment0_words = table_size_of(bytes, 0);
    message->words_left = traversal_limit(len / CAPNP_WORD_BYTES);
    if (message->segment0_words == 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if (capnp_load_word(message->segment0) == 0) {
        *root = empty_struct;
        return CAPOS_OK;
    }
    return read_struct_at(message, 0, message->segment0, 1, root);
}

int32_t capnp_message_open(struct capnp_message *message, const void *bytes, size_t len,
                           const struct cap_transfer *caps, size_t cap_count, struct capnp_struct *root)
{
    message->caps = caps;
    message->cap_count = cap_count;
    if (((uintptr_t)bytes & (CAPNP_WORD_BYTES - 1)) != 0 && len != 0)
        return CAPOS_ERR_UNALIGNED;
    size_t words = len / CAPNP_WORD_BYTES;
    if (words >= 2 && open_simple(message, bytes, words, root))
        return CAPOS_OK;
    if (len == 0) {
        *root = empty_struct;
        return CAPOS_OK;
    }
    return open_general(message, bytes, len, root);
}

int32_t capnp_message_check(const void *bytes, size_t len)
{
    struct capnp_message message;
    struct capnp_struct root;
    return capnp_message_open(&message, bytes, len, NULL, 0, &root);
}

/* The address of pointer `index`, or null if the pointer is null or not there. */
static const uint8_t *pointer_at(const struct capnp_struct *from, uint16_t index)
{
    if (index >= from->pointer_count)
        return NULL;
    const uint8_t *at = from->pointers + (size_t)index * CAPNP_WORD_BYTES;
    return capnp_load_word(at) == 0 ? NULL : at;
}

bool capnp_has_pointer(const struct capnp_struct *from, uint16_t index)
{
    return pointer_at(from, index) != NULL;
}

int32_t capnp_read_struct(const struct capnp_struct *from, uint16_t index, bool *present,
                          struct capnp_struct *out)
{
    const uint8_t *at = pointer_at(from, index);
    *present = at != NULL;
    if (at == NULL) {
        *out = empty_struct;
        return CAPOS_OK;
    }
    return read_struct_at(from->message, from->segment, at, (uint16_t)(from->depth + 1), out);
}

/* The common case: a near pointer in the first segment to a list of bytes. True if it was that and all is
 * well; otherwise nothing was decided and the general path looks again. */
static inline bool read_bytes_simple(const struct capnp_struct *from, const uint8_t *at,
                                     struct capnp_data *out)
{
    struct capnp_message *message = from->message;
    const uint64_t tag = capnp_load_word(at);
    const uint64_t kind = CAPNP_POINTER_LIST | (uint64_t)CAPNP_ELEMENT_BYTE << 32;
    if (((tag ^ kind) & (3u | UINT64_C(7) << 32)) != 0 || from->segment != 0 ||
        from->depth >= CAPNP_DEPTH_MAX)
        return false;
    uint64_t start = ((uint64_t)(at - message->segment0) / CAPNP_WORD_BYTES) + 1;
    start += (uint64_t)(uint32_t)tag >> 2; /* a negative offset becomes too large */
    uint64_t words = capnp_words((size_t)(tag >> 35));
    if (start + words > message->segment0_words || words == 0 || words > message->words_left)
        return false;
    message->words_left -= words;
    out->bytes = message->segment0 + start * CAPNP_WORD_BYTES;
    out->len = (size_t)(tag >> 35);
    return true;
}

/* A text or data: a list of bytes. */
static int32_t read_bytes(const struct capnp_struct *from, const uint8_t *at, struct capnp_data *out)
{
    struct target target;
    if (from->depth >= CAPNP_DEPTH_MAX || follow(from->message, from->segment, at, &target) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if (capnp_pointer_kind(target.tag) != CAPNP_POINTER_LIST || (target.tag >> 32 & 7u) != CAPNP_ELEMENT_BYTE)
        return CAPOS_ERR_BAD_MESSAGE;
    uint32_t len = (uint32_t)(target.tag >> 35);
    uint64_t words = capnp_words(len);
    out->bytes = object_at(&target, words);
    out->len = len;
    if (out->bytes == NULL || charge(from->message, words == 0 ? 1 : words) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    return CAPOS_OK;
}

int32_t capnp_read_data(const struct capnp_struct *from, uint16_t index, struct capnp_data *out)
{
    const uint8_t *at = pointer_at(from, index);
    if (at == NULL) {
        *out = capnp_data_of("", 0);
        return CAPOS_OK;
    }
    if (__builtin_expect(read_bytes_simple(from, at, out), 1))
        return CAPOS_OK;
    return read_bytes(from, at, out);
}

int32_t capnp_read_text(const struct capnp_struct *from, uint16_t index, struct capnp_text *out)
{
    const uint8_t *at = pointer_at(from, index);
    *out = capnp_text_n("", 0);
    if (at == NULL)
        return CAPOS_OK;
    struct capnp_data data;
    if (read_bytes(from, at, &data) < 0 || data.len == 0 || data.bytes[data.len - 1] != 0)
        return CAPOS_ERR_BAD_MESSAGE;
    *out = capnp_text_n((const char *)data.bytes, data.len - 1);
    return CAPOS_OK;
}

int32_t capnp_read_cap(const struct capnp_struct *from, uint16_t index, uint64_t interface_id, cap_any *out)
{
    const uint8_t *at = pointer_at(from, index);
    out->id = CAPNP_CAP_NONE;
    out->mode = 0;
    if (at == NULL)
        return CAPOS_OK;
    struct target target;
    if (follow(from->message, from->segment, at, &target) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if ((uint32_t)target.tag != CAPNP_POINTER_OTHER || target.tag >> 32 >= from->message->cap_count)
        return CAPOS_ERR_BAD_MESSAGE;
    const struct cap_transfer *cap = &from->message->caps[target.tag >> 32];
    if (interface_id != 0 && cap->interface_id != interface_id)
        return CAPOS_ERR_WRONG_INTERFACE;
    out->id = cap->id;
    out->mode = cap->mode;
    return CAPOS_OK;
}

/* Completes a view of a list whose elements are structs of the shape in the tag word. */
static int32_t read_composite(struct capnp_message *message, const struct target *target,
                              enum capnp_element expected, struct capnp_list *out)
{
    uint64_t words = target->tag >> 35;
    const uint8_t *object = object_at(target, words + 1);
    if (object == NULL)
        return CAPOS_ERR_BAD_MESSAGE;
    uint64_t tag = capnp_load_word(object);
    uint64_t count = (uint32_t)tag >> 2;
    uint16_t data_words = (uint16_t)(tag >> 32);
    uint16_t pointer_count = (uint16_t)(tag >> 48);
    uint32_t element_words = (uint32_t)data_words + pointer_count;
    if (capnp_pointer_kind(tag) != CAPNP_POINTER_STRUCT || count * element_words > words)
        return CAPOS_ERR_BAD_MESSAGE;
    if (charge(message, 1 + (element_words == 0 && count > words ? count : words)) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    bool is_scalar = expected >= CAPNP_ELEMENT_BYTE && expected <= CAPNP_ELEMENT_EIGHT_BYTES;
    if (expected == CAPNP_ELEMENT_BIT || (is_scalar && data_words == 0) ||
        (expected == CAPNP_ELEMENT_POINTER && pointer_count == 0))
        return CAPOS_ERR_BAD_MESSAGE;
    out->count = (size_t)count;
    out->elements = object + CAPNP_WORD_BYTES;
    out->step_bytes = element_words * CAPNP_WORD_BYTES;
    out->data_bytes = data_words * CAPNP_WORD_BYTES;
    out->pointer_count = pointer_count;
    return CAPOS_OK;
}

/* Completes a view of a list of scalars or pointers. Wider scalars than expected are taken by their low
 * bytes, and a struct is read from its first field alone; a list of bits is only ever a list of bits. */
static int32_t read_simple(struct capnp_message *message, const struct target *target,
                           enum capnp_element expected, struct capnp_list *out)
{
    enum capnp_element element = (enum capnp_element)(target->tag >> 32 & 7u);
    uint64_t count = target->tag >> 35;
    uint32_t bits = capnp_element_bits(element);
    uint64_t words = (count * bits + 63u) / 64u;
    out->elements = object_at(target, words);
    if (out->elements == NULL || charge(message, 1 + (bits == 0 ? count : words)) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if (expected == CAPNP_ELEMENT_COMPOSITE) {
        if (element == CAPNP_ELEMENT_BIT)
            return CAPOS_ERR_BAD_MESSAGE;
    } else if (expected == CAPNP_ELEMENT_VOID) {
        /* Only the number of elements counts. */
    } else if ((element == CAPNP_ELEMENT_POINTER) != (expected == CAPNP_ELEMENT_POINTER) ||
               (element == CAPNP_ELEMENT_BIT) != (expected == CAPNP_ELEMENT_BIT) || element < expected) {
        return CAPOS_ERR_BAD_MESSAGE;
    }
    bool is_pointer = element == CAPNP_ELEMENT_POINTER;
    out->count = (size_t)count;
    out->step_bytes = bits / 8u;
    out->data_bytes = is_pointer ? 0 : bits / 8u;
    out->pointer_count = is_pointer ? 1 : 0;
    return CAPOS_OK;
}

int32_t capnp_read_list(const struct capnp_struct *from, uint16_t index, enum capnp_element expected,
                        struct capnp_list *out)
{
    const uint8_t *at = pointer_at(from, index);
    *out = capnp_list_native(NULL, 0);
    if (at == NULL)
        return CAPOS_OK;
    struct target target;
    if (from->depth >= CAPNP_DEPTH_MAX || follow(from->message, from->segment, at, &target) < 0)
        return CAPOS_ERR_BAD_MESSAGE;
    if (capnp_pointer_kind(target.tag) != CAPNP_POINTER_LIST)
        return CAPOS_ERR_BAD_MESSAGE;
    out->message = from->message;
    out->segment = target.segment;
    out->depth = (uint8_t)(from->depth + 1);
    out->element = (uint8_t)(target.tag >> 32 & 7u);
    if (out->element == CAPNP_ELEMENT_COMPOSITE)
        return read_composite(from->message, &target, expected, out);
    return read_simple(from->message, &target, expected, out);
}
