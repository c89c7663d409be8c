# The file server's tree, on the host, with an allocator that fails on demand.

FS_CORE := server/fs/quota.c server/fs/content.c server/fs/tree.c
FS_TEST_CFLAGS := -Iserver/fs -Iabi -I$(B)/gen -Ilib -Ilib/capnp -DFS_HOST_TEST

$(eval $(call unit_test,fs-tree,server/fs/tree_test.c server/fs/fake_memory_test.c $(FS_CORE) lib/base/rbtree.c,$(FS_TEST_CFLAGS)))
$(eval $(call unit_test,fs-store,server/fs/store_test.c server/fs/fake_memory_test.c server/fs/store.c $(FS_CORE) lib/base/rbtree.c lib/base/sha256.c,$(FS_TEST_CFLAGS)))

# lib/base is in libcapos, its headers are not in the sysroot.
$(B)/programs/obj/server/fs/%.o: PROGRAM_CFLAGS += -iquote lib -Ilib

# The whole server but its main, clock and segments, in one process with its clients (loopback.h).
FS_SERVER := $(FS_CORE) $(addprefix server/fs/,store.c store_ops.c facet.c file_ops.c directory_ops.c admin_ops.c watch.c)
FS_LOOPBACK := $(FS_SERVER) server/fs/loopback_test.c lib/base/rbtree.c lib/base/sha256.c \
               $(addprefix $(GEN)/,fs_types.c fs_server.c fs_client.c) $(CAPNP_SRC)
FS_LOOPBACK_CFLAGS := $(FS_TEST_CFLAGS) -Ilib/capos/include

$(eval $(call unit_test,fs-path,server/fs/path_test.c lib/capos/path.c lib/capos/file.c $(FS_LOOPBACK),$(FS_LOOPBACK_CFLAGS)))
$(eval $(call unit_test,fs-model,server/fs/model_test.c $(FS_LOOPBACK),$(FS_LOOPBACK_CFLAGS)))
$(eval $(call unit_test,fs-put,server/fs/put_test.c $(FS_LOOPBACK),$(FS_LOOPBACK_CFLAGS)))
$(eval $(call unit_test,fs-import,server/fs/import_test.c server/fs/import.c $(GEN)/filetree_types.c lib/capos/format.c $(FS_LOOPBACK),$(FS_LOOPBACK_CFLAGS)))
$(eval $(call fuzz_target,filetree,server/fs/import_fuzz.c server/fs/import.c $(FS_CORE) lib/base/rbtree.c lib/capos/format.c $(addprefix $(GEN)/,filetree_types.c fs_types.c) $(CAPNP_SRC),$(FS_LOOPBACK_CFLAGS),server/fs/corpus,60000))
