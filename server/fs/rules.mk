# The file server's tree, on the host, with an allocator that fails on demand.

FS_CORE := server/fs/quota.c server/fs/content.c server/fs/tree.c
FS_TEST_CFLAGS := -Iserver/fs -Iabi -I$(B)/gen -Ilib -Ilib/capnp -DFS_HOST_TEST

$(eval $(call unit_test,fs-tree,server/fs/tree_test.c $(FS_CORE) lib/base/rbtree.c,$(FS_TEST_CFLAGS)))

# lib/base is in libcapos, its headers are not in the sysroot.
$(B)/programs/obj/server/fs/%.o: PROGRAM_CFLAGS += -iquote lib -Ilib
