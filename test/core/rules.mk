# Host unit tests of kernel/core over test/core/world.c.

CORE_TEST_CFLAGS := -DCAPOS_HOST_TEST -Itest/core -Iabi -Ikernel -Ilib -Ilib/capnp -Ibuild/gen
CORE_TEST_WORLD := test/core/world.c kernel/core/timer_queue.c kernel/core/captable.c kernel/core/pending.c \
                   kernel/core/ring.c kernel/core/trace.c kernel/object/tracer.c kernel/core/ipc.c kernel/core/ipc_fast.c kernel/core/ipc_ref.c kernel/core/ipc_transfer.c kernel/core/pipeline.c kernel/core/entropy.c \
                   kernel/object/endpoint.c kernel/object/park_space.c kernel/object/shared_park_space.c kernel/core/call.c kernel/core/umem.c \
                   kernel/object/revocation.c lib/base/rbtree.c $(CAPNP_SRC) \
                   $(B)/gen/exception_types.c $(B)/gen/system_types.c $(B)/gen/system_server.c \
                   $(B)/gen/ipc_types.c $(B)/gen/ipc_server.c $(B)/gen/trace_types.c $(B)/gen/trace_server.c $(B)/gen/park_types.c $(B)/gen/park_server.c

$(eval $(call unit_test,captable,kernel/core/captable_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,ring,kernel/core/ring_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,ipc,kernel/core/ipc_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,thread,kernel/core/thread_test.c kernel/core/thread.c kernel/object/thread_handle.c $(CORE_TEST_WORLD) $(B)/gen/thread_types.c $(B)/gen/thread_server.c,$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,park,kernel/object/park_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,timer-queue,kernel/core/timer_queue_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,sched-queue,kernel/core/sched_queue_test.c kernel/core/sched_queue.c lib/base/rbtree.c,$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,elf,kernel/core/elf_test.c kernel/core/elf.c kernel/core/elf_symbols.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
$(eval $(call unit_test,entropy,kernel/core/entropy_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))

$(eval $(call fuzz_target,elf,kernel/core/fuzz/elf_fuzz.c kernel/core/elf.c kernel/core/elf_symbols.c,$(CORE_TEST_CFLAGS),kernel/core/fuzz/elf,400000))
