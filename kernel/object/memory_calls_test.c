/* The interfaces VirtualMemory and MemoryObject through encoded calls: what works, and the sentence for what
 * does not. */
#include "object/memory_calls.h"
#include "fake.h"
#include "fake_calls.h"
#include "core/process.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "object/virtual_memory.h"
#include "unit.h"
#include <capos/memory_server.h>
#include <string.h>

static const uaddr_t HERE = UINT64_C(0x10000000);
static const uint32_t RW = PROT_READ | PROT_WRITE;

static struct ledger *ledger;
static struct aspace *aspace;
static struct object *memory;  /* the VirtualMemory */
static struct capability made; /* a result capability, put in teardown */
static struct kcall kcall;
static uint64_t request[64], response[64];
static uint64_t frames_before;

static void setup(void)
{
    fake_machine_start(UINT64_C(64) << 20);
    ledger_root_init();
    frames_before = frame_free_count();
    const uint64_t limits[LEDGER_RESOURCES] = {[LEDGER_FRAMES] = 3000};
    assert_int_equal(ledger_create(ledger_root(), limits, &ledger), CAPOS_OK);
    assert_int_equal(aspace_create(ledger, &aspace), CAPOS_OK);
    fake_process = (struct process){.object.references = 1, .aspace = aspace, .ledger = ledger};
    fake_caller = &fake_process;
    assert_int_equal(virtual_memory_create(&fake_process, &memory), CAPOS_OK);
    fake_call_aspace = aspace;
    fake_call_ledger = ledger;
    fake_return_status = CAPOS_OK;
    made = (struct capability){NULL, NULL};
    fake_returned = made;
    fake_inject(true, 0);
}

static void teardown(void)
{
    fake_inject(false, 0);
    fake_tlb_clear();
    if (fake_returned.object != NULL && fake_returned.object != made.object)
        object_put(fake_returned.object);
    if (made.object != NULL)
        object_put(made.object);
    if (aspace != NULL)
        aspace_release(aspace);
    object_put(memory);
    assert_int_equal(fake_process.object.references, 1);
    for (int r = 0; r < LEDGER_RESOURCES; r++)
        assert_int_equal(ledger_used(ledger, (enum ledger_resource)r), 0);
    ledger_put(ledger);
    assert_int_equal(object_live_count(), 0);
    assert_int_equal(heap_used_bytes(), 0);
    assert_int_equal(frame_free_count(), frames_before);
    fake_machine_stop();
}

/* Runs a method on parameters of `encoded` bytes in `request`. */
static int32_t run(struct capability target, uint16_t method, int32_t encoded)
{
    assert_true(encoded >= 0);
    memset(&kcall, 0, sizeof kcall);
    kcall.call.params = request;
    kcall.call.params_bytes = (size_t)encoded;
    kcall.call.results = response;
    kcall.call.results_limit = sizeof response;
    return target.type->dispatch(target.type->server, target.object, method, &kcall.call);
}

static struct capability vm(void)
{
    return (struct capability){memory, &virtual_memory_type};
}

#define ENCODE(name, ...)                                                                           \
    name##_params_encode(&(const struct name##_params){__VA_ARGS__}, request, sizeof request, NULL, \
                         &(size_t){0})
#define DECODE(name, out)                                                                                  \
    assert_int_equal(name##_results_decode(&(struct capnp_message){0}, response, kcall.call.results_bytes, \
                                           kcall.call.caps_out, kcall.call.caps_out_count, (out)),         \
                     CAPOS_OK)

static int32_t vm_map(uint64_t hint, uint64_t size, uint32_t prot, uaddr_t *out)
{
    struct cap_virtual_memory_map_results results;
    int32_t result = run(vm(), CAP_VIRTUAL_MEMORY_MAP, ENCODE(cap_virtual_memory_map, hint, size, prot));
    if (result >= 0) {
        DECODE(cap_virtual_memory_map, &results);
        *out = results.address;
    }
    return result;
}

static int32_t vm_reserve(uint64_t hint, uint64_t size, uaddr_t *out)
{
    struct cap_virtual_memory_reserve_results results;
    int32_t result = run(vm(), CAP_VIRTUAL_MEMORY_RESERVE, ENCODE(cap_virtual_memory_reserve, hint, size));
    if (result >= 0) {
        DECODE(cap_virtual_memory_reserve, &results);
        *out = results.address;
    }
    return result;
}

static int32_t vm_unmap(uint64_t address, uint64_t size)
{
    return run(vm(), CAP_VIRTUAL_MEMORY_UNMAP, ENCODE(cap_virtual_memory_unmap, address, size));
}

static int32_t vm_protect(uint64_t address, uint64_t size, uint32_t prot)
{
    return run(vm(), CAP_VIRTUAL_MEMORY_PROTECT, ENCODE(cap_virtual_memory_protect, address, size, prot));
}

static int32_t vm_commit(uint64_t address, uint64_t size, uint32_t prot)
{
    return run(vm(), CAP_VIRTUAL_MEMORY_COMMIT, ENCODE(cap_virtual_memory_commit, address, size, prot));
}

static int32_t vm_decommit(uint64_t address, uint64_t size)
{
    return run(vm(), CAP_VIRTUAL_MEMORY_DECOMMIT, ENCODE(cap_virtual_memory_decommit, address, size));
}

static int32_t vm_create_object(uint64_t size)
{
    return run(vm(), CAP_VIRTUAL_MEMORY_CREATE_OBJECT, ENCODE(cap_virtual_memory_create_object, size));
}

static int32_t object_map(struct capability object, uint64_t hint, uint64_t offset, uint64_t size,
                          uint32_t prot, uaddr_t *out)
{
    struct cap_memory_object_map_results results;
    int32_t result =
        run(object, CAP_MEMORY_OBJECT_MAP, ENCODE(cap_memory_object_map, hint, offset, size, prot));
    if (result >= 0) {
        DECODE(cap_memory_object_map, &results);
        *out = results.address;
    }
    return result;
}

static int32_t object_unmap(struct capability object, uint64_t address, uint64_t size)
{
    return run(object, CAP_MEMORY_OBJECT_UNMAP, ENCODE(cap_memory_object_unmap, address, size));
}

/* The last call raised this exception. */
static bool raised(int32_t result, enum capos_exception_kind kind, const char *reason)
{
    return result == CAPOS_ERR_EXCEPTION && kcall.call.exception_kind == kind &&
           strcmp(kcall.call.exception_reason, reason) == 0;
}

#define INVALID(call, sentence) UNIT_OK(raised((call), CAPOS_EXCEPTION_INVALID_ARGUMENT, (sentence)))

static void whole_life_of_a_range(void)
{
    uaddr_t at = 0;
    UNIT_OK(vm_reserve(0, 16 * PAGE_SIZE, &at) >= 0);
    UNIT_OK(vm_commit(at, 4 * PAGE_SIZE, RW) == 0);
    UNIT_OK(aspace_write(aspace, at, "here", 5) == CAPOS_OK);
    UNIT_OK(vm_protect(at, PAGE_SIZE, PROT_READ) == 0);
    UNIT_OK(aspace_write(aspace, at, "here", 5) == CAPOS_ERR_BAD_ADDRESS);
    UNIT_OK(vm_decommit(at, 2 * PAGE_SIZE) == 0);
    struct cap_virtual_memory_info_results info;
    UNIT_OK(run(vm(), CAP_VIRTUAL_MEMORY_INFO, 0) >= 0);
    DECODE(cap_virtual_memory_info, &info);
    assert_int_equal(info.reserved_bytes, 16 * PAGE_SIZE);
    assert_int_equal(info.committed_bytes, 2 * PAGE_SIZE);
    assert_int_equal(info.frames_limit, 3000);
    assert_int_equal(info.frames_used, ledger_used(ledger, LEDGER_FRAMES));
    UNIT_OK(vm_unmap(at, 16 * PAGE_SIZE) == 0);
    UNIT_OK(vm_unmap(at, 16 * PAGE_SIZE) == 0); /* nothing there: also right */
    UNIT_OK(vm_map(HERE, 5000, RW, &at) >= 0);
    assert_int_equal(at, HERE);
    UNIT_OK(vm_map(0, 2 * LARGE_PAGE_SIZE, RW | PROT_LARGE, &at) >= 0);
    assert_int_equal(at % LARGE_PAGE_SIZE, 0);
}

static void every_wrong_argument_has_its_sentence(void)
{
    uaddr_t at = 0;
    const char *outside = "the range is not in the user half of the address space";
    INVALID(vm_map(0, 0, RW, &at), "size is 0");
    INVALID(vm_reserve(0, 0, &at), "size is 0");
    INVALID(vm_map(0, UINT64_MAX, RW, &at), "size is larger than the whole user address space");
    INVALID(vm_map(HERE + 8, PAGE_SIZE, RW, &at), "address is not a multiple of 4096");
    INVALID(vm_map(4096, PAGE_SIZE, RW, &at), "address is in the first 64 KiB, where nothing is ever mapped");
    INVALID(vm_map(CAPOS_USER_MAX, PAGE_SIZE, RW, &at), outside);
    INVALID(vm_map(UINT64_MAX - 4095, PAGE_SIZE, RW, &at), outside);
    INVALID(vm_commit(CAPOS_USER_MAX - PAGE_SIZE, 2 * PAGE_SIZE, RW), outside);
    INVALID(vm_map(0, PAGE_SIZE, 16, &at), "prot has a bit that is not allowed here");
    INVALID(vm_map(0, PAGE_SIZE, PROT_WRITE | PROT_EXEC, &at), "prot asks for write and execute together");
    INVALID(vm_protect(HERE, PAGE_SIZE, 7), "prot asks for write and execute together");
    INVALID(vm_protect(HERE, PAGE_SIZE, PROT_LARGE), "prot has a bit that is not allowed here");
    INVALID(vm_map(0, PAGE_SIZE, RW | PROT_LARGE, &at),
            "2 MiB pages need an address and a size that are multiples of 2 MiB");
    UNIT_OK(vm_map(HERE, PAGE_SIZE, RW, &at) >= 0);
    INVALID(vm_map(HERE, PAGE_SIZE, RW, &at), "the range is occupied, or no free range is that long");
    INVALID(vm_reserve(HERE, PAGE_SIZE, &at), "the range is occupied, or no free range is that long");
    INVALID(vm_protect(HERE, 2 * PAGE_SIZE, RW), "not all of the range is committed or mapped");
    INVALID(vm_commit(HERE, 2 * PAGE_SIZE, RW), "not all of the range is reserved");
    INVALID(vm_decommit(HERE, 2 * PAGE_SIZE), "not all of the range is reserved or committed");
    INVALID(vm_unmap(0, PAGE_SIZE), outside);
    INVALID(vm_create_object(0), "size is 0");
    UNIT_OK(vm_map(LARGE_PAGE_SIZE, LARGE_PAGE_SIZE, RW | PROT_LARGE, &at) >= 0);
    INVALID(vm_unmap(LARGE_PAGE_SIZE, PAGE_SIZE), "the range would cut a 2 MiB page");
    INVALID(vm_commit(LARGE_PAGE_SIZE, LARGE_PAGE_SIZE, RW | PROT_LARGE),
            "2 MiB pages need a range of which nothing is committed yet");
}

static void quota_is_a_transport_error(void)
{
    uaddr_t at = 0;
    UNIT_OK(vm_map(0, 3001 * PAGE_SIZE, RW, &at) == CAPOS_ERR_NO_MEMORY);
    UNIT_OK(vm_create_object(3001 * PAGE_SIZE) == CAPOS_ERR_NO_MEMORY);
    UNIT_OK(vm_reserve(0, (ledger_limit(ledger, LEDGER_RESERVED_PAGES) + 1) * PAGE_SIZE, &at) < 0);
    assert_int_equal(at, 0);
}

/* The answer would not fit: refused before anything is mapped. */
static void truncated_results_map_nothing(void)
{
    struct aspace_stats stats;
    memset(&kcall, 0, sizeof kcall);
    kcall.call.params = request;
    kcall.call.params_bytes = (size_t)ENCODE(cap_virtual_memory_map, 0, PAGE_SIZE, RW);
    kcall.call.results = response;
    kcall.call.results_limit = 16;
    int32_t result =
        virtual_memory_type.dispatch(virtual_memory_type.server, memory, CAP_VIRTUAL_MEMORY_MAP, &kcall.call);
    assert_int_equal(result, CAPOS_ERR_RESULT_TRUNCATED);
    assert_true(kcall.call.results_bytes > 16);
    aspace_stats(aspace, &stats);
    assert_int_equal(stats.reserved_bytes, 0);
}

static void make_object(uint64_t size)
{
    struct cap_virtual_memory_create_object_results results;
    UNIT_OK(vm_create_object(size) >= 0);
    DECODE(cap_virtual_memory_create_object, &results);
    assert_int_equal(results.object.id, 1);
    made = fake_returned;
    assert_ptr_equal(made.type, &memory_object_type);
}

static void objects_are_made_mapped_unmapped(void)
{
    uaddr_t at = 0;
    struct cap_memory_object_info_results info;
    make_object(2 * PAGE_SIZE + 1);
    UNIT_OK(run(made, CAP_MEMORY_OBJECT_INFO, 0) >= 0);
    DECODE(cap_memory_object_info, &info);
    assert_true(info.page_count == 3 && info.size == 2 * PAGE_SIZE + 1 && info.writable);
    UNIT_OK(object_map(made, 0, PAGE_SIZE, 2 * PAGE_SIZE, RW, &at) >= 0);
    UNIT_OK(aspace_write(aspace, at, "mapped", 7) == CAPOS_OK);
    bool writable;
    char bytes[7];
    UNIT_OK(memory_object_read(memory_object_from(made, &writable), PAGE_SIZE, bytes, 7) == CAPOS_OK);
    assert_string_equal(bytes, "mapped");
    UNIT_OK(object_unmap(made, at, 2 * PAGE_SIZE) == 0);
    INVALID(object_unmap(made, at, PAGE_SIZE), "the range holds something other than this object");
}

static void wrong_object_arguments_have_their_sentences(void)
{
    uaddr_t at = 0;
    make_object(2 * PAGE_SIZE);
    INVALID(object_map(made, 0, 5, PAGE_SIZE, RW, &at), "offset is not a multiple of 4096");
    INVALID(object_map(made, 0, PAGE_SIZE, 2 * PAGE_SIZE, RW, &at),
            "offset and size reach behind the object's end");
    INVALID(object_map(made, 0, UINT64_MAX - 4095, 8192, RW, &at),
            "offset and size reach behind the object's end");
    INVALID(object_map(made, 0, 0, PAGE_SIZE, RW | PROT_LARGE, &at),
            "prot has a bit that is not allowed here");
    INVALID(object_map(made, 0, 0, 0, RW, &at), "size is 0");
    INVALID(object_map(made, HERE + 1, 0, PAGE_SIZE, RW, &at), "address is not a multiple of 4096");
    UNIT_OK(vm_map(HERE, PAGE_SIZE, RW, &at) >= 0);
    INVALID(object_map(made, HERE, 0, PAGE_SIZE, RW, &at),
            "the range is occupied, or no free range is that long");
    INVALID(object_unmap(made, HERE, PAGE_SIZE), "the range holds something other than this object");
}

static void read_only_facet_cannot_be_written(void)
{
    uaddr_t at = 0;
    struct cap_memory_object_info_results info;
    make_object(PAGE_SIZE);
    UNIT_OK(run(made, CAP_MEMORY_OBJECT_READ_ONLY, 0) >= 0);
    object_put(made.object); /* the facet holds the object by itself; teardown puts that one */
    made = fake_returned;
    assert_ptr_equal(made.type, &memory_object_read_only_type);
    UNIT_OK(run(made, CAP_MEMORY_OBJECT_INFO, 0) >= 0);
    DECODE(cap_memory_object_info, &info);
    assert_false(info.writable);
    INVALID(object_map(made, 0, 0, PAGE_SIZE, RW, &at),
            "this MemoryObject is read-only: it cannot be mapped writable");
    UNIT_OK(object_map(made, 0, 0, PAGE_SIZE, PROT_READ, &at) >= 0);
    INVALID(vm_protect(at, PAGE_SIZE, RW),
            "the range maps a read-only MemoryObject, which cannot be made writable");
    UNIT_OK(vm_protect(at, PAGE_SIZE, PROT_READ | PROT_EXEC) == 0);
}

static void full_tables_leave_no_object_behind(void)
{
    uint64_t used = ledger_used(ledger, LEDGER_FRAMES);
    fake_return_status = CAPOS_ERR_NO_SLOTS;
    UNIT_OK(vm_create_object(PAGE_SIZE) == CAPOS_ERR_NO_SLOTS);
    assert_int_equal(ledger_used(ledger, LEDGER_FRAMES), used);
    assert_int_equal(object_live_count(), 1); /* the VirtualMemory */
}

static void unknown_methods_are_unimplemented(void)
{
    int32_t result = run(vm(), 99, 0);
    assert_true(raised(result, CAPOS_EXCEPTION_UNIMPLEMENTED, "VirtualMemory has no such method"));
}

static void disconnected_when_the_process_is_gone(void)
{
    const char *gone = "the process of this address space has ended";
    uaddr_t at = 0;
    aspace_release(aspace);
    aspace = fake_process.aspace = NULL;
    fake_caller = NULL; /* somebody whom the capability was given */
    assert_true(raised(vm_map(0, PAGE_SIZE, RW, &at), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(vm_reserve(0, PAGE_SIZE, &at), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(vm_commit(HERE, PAGE_SIZE, RW), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(vm_decommit(HERE, PAGE_SIZE), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(vm_protect(HERE, PAGE_SIZE, RW), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(vm_unmap(HERE, PAGE_SIZE), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(vm_create_object(PAGE_SIZE), CAPOS_EXCEPTION_DISCONNECTED, gone));
    assert_true(raised(run(vm(), CAP_VIRTUAL_MEMORY_INFO, 0), CAPOS_EXCEPTION_DISCONNECTED, gone));
}

static void follows_the_process_to_another_address_space(void)
{
    uaddr_t at = 0;
    struct aspace *next = NULL;
    struct aspace_stats stats;
    UNIT_OK(vm_map(HERE, PAGE_SIZE, RW, &at) >= 0);
    UNIT_OK(aspace_create(ledger, &next) == CAPOS_OK);
    fake_process.aspace = next;
    aspace_release(aspace);
    aspace = next;
    UNIT_OK(vm_map(HERE, PAGE_SIZE, RW, &at) >= 0);
    fake_caller = NULL;
    UNIT_OK(vm_map(HERE + PAGE_SIZE, PAGE_SIZE, RW, &at) >= 0);
    aspace_stats(next, &stats);
    UNIT_OK(stats.committed_bytes == 2 * PAGE_SIZE);
}

static void virtual_memory_is_charged(void)
{
    struct object *another = NULL;
    uint64_t used = ledger_used(ledger, LEDGER_HEAP_BYTES);
    uint64_t left = ledger_limit(ledger, LEDGER_HEAP_BYTES) - used;
    UNIT_OK(virtual_memory_create(&fake_process, &another) == CAPOS_OK);
    assert_true(ledger_used(ledger, LEDGER_HEAP_BYTES) > used);
    object_put(another);
    assert_int_equal(ledger_used(ledger, LEDGER_HEAP_BYTES), used);
    assert_int_equal(ledger_charge(ledger, LEDGER_HEAP_BYTES, left), CAPOS_OK);
    status_t status = virtual_memory_create(&fake_process, &another);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, left);
    assert_int_equal(status, CAPOS_ERR_NO_MEMORY);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(whole_life_of_a_range),
        UNIT_TEST(every_wrong_argument_has_its_sentence),
        UNIT_TEST(quota_is_a_transport_error),
        UNIT_TEST(truncated_results_map_nothing),
        UNIT_TEST(objects_are_made_mapped_unmapped),
        UNIT_TEST(wrong_object_arguments_have_their_sentences),
        UNIT_TEST(read_only_facet_cannot_be_written),
        UNIT_TEST(full_tables_leave_no_object_behind),
        UNIT_TEST(unknown_methods_are_unimplemented),
        UNIT_TEST(disconnected_when_the_process_is_gone),
        UNIT_TEST(follows_the_process_to_another_address_space),
        UNIT_TEST(virtual_memory_is_charged),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
