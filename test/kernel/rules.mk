# Host unit tests of the kernel's memory management on the simulated machine of this folder.

MM_TEST_CFLAGS := -DCAPOS_HOST_TEST -Itest/kernel/include -Itest/kernel -Ikernel -Ilib $(GEN_CFLAGS)
MM_FAKES       := test/kernel/fake_machine.c test/kernel/fake_mmu.c test/kernel/fake_frame.c
MM_ASPACE      := kernel/mm/ledger.c kernel/mm/region.c kernel/mm/populate.c kernel/mm/aspace.c \
                  kernel/mm/aspace_commit.c kernel/mm/aspace_fault.c kernel/mm/aspace_check.c \
                  kernel/mm/aspace_copy.c kernel/mm/aspace_clone.c kernel/mm/mapping_token.c kernel/core/umem.c \
                  kernel/arch/x86_64/paging.c lib/base/rbtree.c
MM_OBJECTS     := kernel/object/object.c kernel/object/memory_object.c kernel/object/memory_calls.c \
                  kernel/object/virtual_memory.c $(GEN)/memory_server.c $(GEN)/memory_types.c $(CAPNP_SRC) \
                  test/kernel/fake_calls.c

$(eval $(call unit_test,mm-aspace,kernel/mm/aspace_test.c $(MM_ASPACE) $(MM_OBJECTS) $(MM_FAKES) test/kernel/fake_heap.c,$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,mm-aspace-model,kernel/mm/aspace_model_test.c $(MM_ASPACE) $(MM_OBJECTS) $(MM_FAKES) test/kernel/fake_heap.c,$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,mm-aspace-copy,kernel/mm/aspace_copy_test.c $(MM_ASPACE) $(MM_OBJECTS) $(MM_FAKES) test/kernel/fake_heap.c,$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,mm-frame,kernel/mm/frame_test.c $(MM_FAKES),$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,mm-heap,kernel/mm/heap_test.c kernel/mm/heap.c $(MM_FAKES),$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,mm-ledger,kernel/mm/ledger_test.c kernel/mm/ledger.c kernel/mm/heap.c $(MM_FAKES),$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,memory-object,kernel/object/memory_object_test.c $(MM_ASPACE) $(MM_OBJECTS) $(MM_FAKES) test/kernel/fake_heap.c,$(MM_TEST_CFLAGS)))
$(eval $(call unit_test,memory-calls,kernel/object/memory_calls_test.c $(MM_ASPACE) $(MM_OBJECTS) $(MM_FAKES) test/kernel/fake_heap.c,$(MM_TEST_CFLAGS)))
