# lib/base: freestanding helpers; whoever links them lists lib/base/*.c (without *_test.c). Here: their unit test.
$(eval $(call unit_test,base,lib/base/base_test.c lib/base/string_renamed_test.c lib/base/rbtree.c,-Ilib))
$(eval $(call unit_test,sha256,lib/base/sha256_test.c lib/base/sha256.c,-Ilib))
